{{/* Names that the operator's code knows too. */}}
{{- define "oras-operator.names" -}}
{{ .Files.Get "files/names.yaml" }}
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

{{/* Labels of Helm's own, on objects that have no others. */}}
{{- define "oras-operator.release" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* An image of the values: repository and tag. */}}
{{- define "oras-operator.image" -}}
{{ .image.repository }}:{{ .image.tag | default .version }}
{{- end }}
