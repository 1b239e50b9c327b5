// Package artifact holds the data path: how files become the layers of an OCI artifact, and layers files. It has no code
// of its own, only tests of the parts together and with the stock client.
//
//	output:  pack.Describe, Check (before the program) -> pack.Output.Write -> compress.Writer -> blob
//	         compress.Result, pack.Output -> manifest.Part -> manifest.Encode
//	input:   manifest.Parse -> for each layer: blob -> (digest, by the caller) -> compress.NewReader -> unpack.Target.Tar
//	         or, for a file, unpack.Target.File -> when all digests are right: unpack.Target.Commit
//
// A directory is one layer, tar in gzip, that stock clients unpack; a file is its bytes. What a blob cannot hold, the mode
// of a single file, is an annotation of its layer (manifest.ModeAnnotation).
package artifact
