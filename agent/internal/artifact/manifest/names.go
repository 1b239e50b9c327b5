// Package manifest reads the manifests of inputs and writes those of outputs (OCI image spec 1.1, "Image Manifest").
//
// A manifest is trusted by nobody: whoever may push to a repository wrote it. Parse works on the bytes that the digest
// was taken of and refuses what two programs could understand differently.
package manifest

import "github.com/converged-computing/oras-operator/agent/internal/contract"

// Names of the product.
const (
	// ArtifactType is that of outputs.
	ArtifactType = contract.ArtifactType
	// ImageAnnotation tells the image that made an output; of further containers with _1, _2.
	ImageAnnotation = contract.ArtifactImageAnnotation
	// InputAnnotation tells the digest of an input; of further ones with _1, _2.
	InputAnnotation = contract.ArtifactInputAnnotation
	// UnpackAnnotation marks a directory in tar and zstd, which stock clients leave packed.
	UnpackAnnotation = contract.ArtifactUnpackAnnotation
	// ModeAnnotation is on the layer of a single file whose mode is not 0644: four octal digits, such as "0755". A blob
	// has no mode, and a stock client that does not know the annotation still gets the file.
	ModeAnnotation = contract.ArtifactModeAnnotation
)

// Names of others.
const (
	TypeManifest = "application/vnd.oci.image.manifest.v1+json"
	TypeIndex    = "application/vnd.oci.image.index.v1+json"

	typeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	typeArtifact       = "application/vnd.oci.artifact.manifest.v1+json" // withdrawn before OCI 1.1
	typeEmpty          = "application/vnd.oci.empty.v1+json"
	typeImageConfig    = "application/vnd.oci.image.config.v1+json"
	typeDockerConfig   = "application/vnd.docker.container.image.v1+json"
	typeUnknownConfig  = "application/vnd.unknown.config.v1+json" // of oras-py
	typeHelmConfig     = "application/vnd.cncf.helm.config.v1+json"
	typeFluxConfig     = "application/vnd.cncf.flux.config.v1+json"
	typeCosign         = "application/vnd.dev.cosign.simplesigning.v1+json"
	typeTar            = "application/vnd.oci.image.layer.v1.tar"
	typeTarGzip        = "application/vnd.oci.image.layer.v1.tar+gzip"
	typeTarZstd        = "application/vnd.oci.image.layer.v1.tar+zstd"

	titleAnnotation   = "org.opencontainers.image.title"
	createdAnnotation = "org.opencontainers.image.created"
	// Marks of oras for directories.
	unpackAnnotation  = "io.deis.oras.content.unpack"
	contentAnnotation = "io.deis.oras.content.digest"

	// EmptyDigest is that of EmptyConfig.
	EmptyDigest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
)
