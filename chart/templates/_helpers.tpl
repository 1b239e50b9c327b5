{{/* Names that the operator's code knows too. */}}
{{- define "oras-operator.names" -}}
{{ .Files.Get "files/names.yaml" }}
{{- end }}

{{/*
Gives the values that are missing their defaults: helm upgrade --reuse-values brings those of the release alone, which an
older chart may have made. Lists and maps of the user's own are empty then, as they are after --set NAME=null.
*/}}
{{- define "oras-operator.complete" -}}
{{- $_ := set . "Values" (mustMergeOverwrite (.Files.Get "files/defaults.yaml" | fromYaml) .Values) }}
{{- end }}

{{/* Name of the objects that the operator's code does not look for by name. */}}
{{- define "oras-operator.fullname" -}}
{{- $names := include "oras-operator.names" . | fromYaml -}}
{{ .Values.fullnameOverride | default .Values.nameOverride | default $names.deployment }}
{{- end }}

{{/*
Namespace of the operator, which changes no Pods in it. A release stays where it is, with the key of all passwords: an
older chart, or values that are not given again, may have put it elsewhere than where new ones go.
*/}}
{{- define "oras-operator.namespace" -}}
{{- $names := include "oras-operator.names" . | fromYaml -}}
{{- $namespace := .Values.namespace.name | default (include "oras-operator.installedNamespace" .) | default .Release.Namespace -}}
{{- if eq $namespace "default" }}
{{- fail (printf "The operator changes no Pods of its own namespace, so it needs one for itself: install with --namespace %s --create-namespace, or set namespace.name." $names.operatorNamespace) }}
{{- end }}
{{- $namespace }}
{{- end }}

{{/*
Refuses what would delete every OrasCache: the original's chart has the CustomResourceDefinition as a template, and what a
release had as a template, Helm deletes when the next chart lacks it.
*/}}
{{- define "oras-operator.keepCaches" -}}
{{- $names := include "oras-operator.names" . | fromYaml -}}
{{- $crd := printf "%s.%s" $names.plural $names.group -}}
{{- if include "oras-operator.wouldBeDeleted" (list . "apiextensions.k8s.io/v1" "CustomResourceDefinition" $crd) }}
{{- fail (printf "The release %s was installed from a chart that has the CustomResourceDefinition %s as a template, as the original operator's chart has it: this upgrade would delete it, with every %s. Have Helm keep it: kubectl annotate crd %s helm.sh/resource-policy=keep" .Release.Name $crd $names.kind $crd) }}
{{- end }}
{{- end }}

{{/*
Refuses to move the operator without its key: the one in the other namespace would make itself another, and every registry
would get other passwords.
*/}}
{{- define "oras-operator.keepKey" -}}
{{- $names := include "oras-operator.names" . | fromYaml -}}
{{- $from := include "oras-operator.installedNamespace" . -}}
{{- $to := include "oras-operator.namespace" . -}}
{{- if and $from (ne $from $to) (lookup "v1" "Secret" $from $names.cacheKeySecret) (not (lookup "v1" "Secret" $to $names.cacheKeySecret)) }}
{{- $copy := printf "kubectl create namespace %s; kubectl get secret %s --namespace %s -o yaml | sed -E '/^  (namespace|resourceVersion|uid): /d' | kubectl create --namespace %s -f -" $to $names.cacheKeySecret $from $to -}}
{{- fail (printf "This upgrade would move the operator from the namespace %s to %s without the Secret %s: every registry would get other passwords. Copy it first, and then upgrade with namespace.create=false: %s" $from $to $names.cacheKeySecret $copy) }}
{{- end }}
{{- end }}

{{/*
Whether Helm would delete an object that is rendered no more, as one of the release that has no helm.sh/resource-policy.
Takes the root, apiVersion, kind and name; gives "" for no.
*/}}
{{- define "oras-operator.wouldBeDeleted" -}}
{{- $root := first . -}}
{{- $found := lookup (index . 1) (index . 2) "" (index . 3) -}}
{{- if and (include "oras-operator.isOurs" (list $root $found)) (ne (dig "metadata" "annotations" "helm.sh/resource-policy" "" $found) "keep") }}true{{ end }}
{{- end }}

{{/* Whether an object that was looked up is of this release. Takes the root and the object; gives "" for no. */}}
{{- define "oras-operator.isOurs" -}}
{{- $release := (first .).Release -}}
{{- $annotations := dig "metadata" "annotations" dict (last .) -}}
{{- if and (eq (get $annotations "meta.helm.sh/release-name") $release.Name) (eq (get $annotations "meta.helm.sh/release-namespace") $release.Namespace) }}true{{ end }}
{{- end }}

{{/* Where this release has its webhook; empty if it has none yet, and where Helm may not ask the API server. */}}
{{- define "oras-operator.installedNamespace" -}}
{{- $names := include "oras-operator.names" . | fromYaml -}}
{{- $found := lookup "admissionregistration.k8s.io/v1" "MutatingWebhookConfiguration" "" $names.webhookConfiguration -}}
{{- if include "oras-operator.isOurs" (list . $found) }}
{{- range first $found.webhooks | list -}}
{{ dig "clientConfig" "service" "namespace" "" . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Labels that select the operator's Pods. */}}
{{- define "oras-operator.selector" -}}
{{- $names := include "oras-operator.names" . | fromYaml -}}
app.kubernetes.io/name: {{ $names.operatorName }}
app.kubernetes.io/component: controller-manager
{{- end }}

{{/* Labels of every object of the chart. */}}
{{- define "oras-operator.labels" -}}
{{ include "oras-operator.selector" . }}
{{ include "oras-operator.release" . }}
{{- end }}

{{/* Labels of objects that have no others: Helm's own, and those of the values. */}}
{{- define "oras-operator.release" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* An image of the values: repository and digest, or tag. */}}
{{- define "oras-operator.image" -}}
{{- $suffix := printf ":%s" (.image.tag | default .root.Chart.AppVersion) -}}
{{- if .image.digest }}
{{- $suffix = printf "@%s" .image.digest -}}
{{- end -}}
{{ include "oras-operator.pinned" (dict "image" (print .image.repository $suffix) "root" .root) }}
{{- end }}

{{/*
A whole name of an image, in the registry of all images if there is one, and with the digest that make release wrote for it
into files/digests.yaml. Digests are no values: helm upgrade --reuse-values would bring those of the chart before.
*/}}
{{- define "oras-operator.pinned" -}}
{{- $registry := dig "imageRegistry" "" (.root.Values.global | default dict) -}}
{{- $image := .image -}}
{{- with get (.root.Files.Get "files/digests.yaml" | fromYaml) .image -}}
{{- $image = printf "%s@%s" $image . -}}
{{- end -}}
{{- if $registry -}}
{{ trimSuffix "/" $registry }}/{{ regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $image "" }}
{{- else -}}
{{ $image }}
{{- end }}
{{- end }}

{{/* The operator's imagePullSecrets, as a list of objects. */}}
{{- define "oras-operator.pullSecrets" -}}
{{- $secrets := list }}
{{- range concat (dig "imagePullSecrets" list (.Values.global | default dict)) .Values.imagePullSecrets }}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) }}
{{- end }}
{{- with $secrets | uniq }}
{{- toYaml . }}
{{- end }}
{{- end }}
