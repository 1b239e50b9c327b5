package main

import (
	"cmp"
	"math"
	"os"
	"runtime"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/credentials"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/options"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

func say(line string)     { log.Say("%s", line) }
func explain(line string) { log.Explain("%s", line) }

// workers is how many goroutines read, write or compress files.
func workers() int { return runtime.GOMAXPROCS(0) }

func registryOptions(o options.Options, use credentials.Use) (registry.Options, error) {
	found := registry.Options{
		Use: use, Timeout: o.Timeout, Stall: o.StallTimeout, Log: say, Explain: explain,
		Request:    os.Getenv(contract.RequestVariable),
		PlainLogin: func(host string) bool { return host != "" && host == o.PlainLoginHost },
	}
	found.Cache = lateLogin(o)
	if o.Credentials == "" {
		return found, nil
	}
	secret, err := credentials.Read(o.Credentials, o.CredentialsHost)
	if err != nil {
		return found, failure.Wrap(err, contract.ExitSetupFailed, "%s", err)
	}
	log.Explain("credentials are in %s, for %s", o.Credentials, o.CredentialsHost)
	found.Secret = secret
	return found, nil
}

// lateLogin is that of the step's own cache; nil where it has none.
func lateLogin(o options.Options) *credentials.Late {
	if o.CacheCredentials == "" {
		return nil
	}
	return &credentials.Late{Dir: o.CacheCredentials, Host: cmp.Or(o.CacheHost, o.PlainLoginHost)}
}

// unpackInto is where files of inputs go. The volume of the step bounds what is pulled, and the target's own disk the rest.
func unpackInto(path string) unpack.Options {
	return unpack.Options{
		Path: path, Workers: workers(), Code: contract.ExitUnpackFailed, Tell: say,
		Limits: unpack.Limits{Entries: math.MaxInt64, Bytes: math.MaxInt64, PathBytes: 4095},
	}
}

// packFrom is what of an output is packed.
func packFrom(path string, code int, leaveOut ...pack.LeftOut) pack.Options {
	return pack.Options{Path: path, LeaveOut: leaveOut, Workers: workers(), Code: code, Tell: say}
}

// alwaysLeftOut are mounts of nearly every container, which are never packed.
func alwaysLeftOut(share string) []pack.LeftOut {
	return []pack.LeftOut{
		{Path: share, What: "the operator's volume"},
		{Path: "/var/run/secrets/kubernetes.io/serviceaccount", What: "a ServiceAccount token"},
	}
}
