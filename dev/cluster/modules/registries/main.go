// Registries runs one of the registries that our clients are tried on, in memory:
//
//	registries go-containerregistry|ociregistry|strict
//
// It listens on REGISTRY_HTTP_ADDR, as distribution does, prints a line when it does, and runs until it is killed.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: REGISTRY_HTTP_ADDR=127.0.0.1:5000 registries go-containerregistry|ociregistry|strict")
	}
	handler := handlerOf(os.Args[1])
	listener, err := net.Listen("tcp", os.Getenv("REGISTRY_HTTP_ADDR"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(os.Stderr, "listening on", listener.Addr())
	log.Fatal(http.Serve(listener, handler))
}

func handlerOf(kind string) http.Handler {
	switch kind {
	case "go-containerregistry":
		return registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	case "ociregistry":
		return ociserver.New(ocimem.New(), nil)
	case "strict":
		return newStrict()
	}
	log.Fatalf("%q is none of go-containerregistry, ociregistry, strict", kind)
	return nil
}
