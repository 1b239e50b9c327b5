package main

import (
	"context"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/credentials"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/access"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/bucket"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/mirror"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/pulls"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/server"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/sweep"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/usage"
	"github.com/converged-computing/oras-operator/agent/internal/options"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// keepInit is the init container of a registry: the registry never starts without its users, for which it would make one
// of its own and write the password into its log, nor with variables that decide who may use it.
func keepInit(o options.Options) error {
	if o.Environment != "" {
		names, err := access.Variables(o.Environment)
		if err != nil {
			return setupFailed(err, "the Secret of secrets.orasEnv cannot be read")
		}
		if found := access.Conflicts(names, o.Htpasswd != "", o.StorageWritten); len(found) > 0 {
			return failure.New(contract.ExitEnvConflicts, "the Secret of secrets.orasEnv has %s, which the OrasCache decides: take them out of it, and use the fields of its spec", strings.Join(found, ", "))
		}
	}
	if o.Htpasswd == "" && o.Tls == "" {
		return nil
	}
	key, err := access.ReadKey(o.Key)
	if err != nil {
		return setupFailed(err, "the cache's key cannot be read")
	}
	if err := firstCertificate(o, key); err != nil || o.Htpasswd == "" {
		return err
	}
	file := access.File{Key: key, Path: o.Htpasswd, Others: o.Users}
	problems, err := file.Write(o.User)
	if err != nil {
		return setupFailed(err, "the registry's users cannot be written")
	}
	for _, problem := range problems.First {
		log.Say("users, line %d: %s", problem.Line, problem.Problem)
	}
	if problems.More > 0 {
		log.Say("users: %d more lines have problems", problems.More)
	}
	return nil
}

// firstCertificate is there before the registry, which does not start without one.
func firstCertificate(o options.Options, key access.Key) error {
	files := servingFiles(o, key)
	if files == nil {
		return nil
	}
	state, err := files.Refresh(time.Now())
	if err != nil {
		return setupFailed(err, "the registry's certificate cannot be written")
	}
	// The registry goes on with the one before, where this container is started again.
	if state.Problem != "" && state.NotAfter.IsZero() {
		return failure.New(contract.ExitCertificateUnusable, "the Secret of tls.secretName %s", state.Problem)
	}
	return nil
}

// servingFiles are nil without TLS.
func servingFiles(o options.Options, key access.Key) *serving.Files {
	if o.Tls == "" {
		return nil
	}
	files := &serving.Files{Path: o.Tls, Secret: o.Certificate, Issuer: &serving.Issuer{Seeds: key, Names: o.Name}}
	if len(o.Name) > 0 {
		files.Name = o.Name[0]
	}
	return files
}

func setupFailed(err error, what string) error {
	return failure.Wrap(err, contract.ExitSetupFailed, "%s: %s", what, err)
}

// refreshAfter is how long a change of the Secrets with other users and with the certificate may take until it counts.
const refreshAfter = 10 * time.Second

// keptGarbage is how much garbage the keeper holds, in percent of what it needs: it does little, in a small container.
const keptGarbage = 25

// keep is the keeper, beside a registry until the end of its Pod.
func keep(ctx context.Context, o options.Options) error {
	debug.SetGCPercent(keptGarbage)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	key, err := access.ReadKey(o.Key)
	if err != nil {
		return setupFailed(err, "the cache's key cannot be read")
	}
	var volume *usage.Volume
	if o.Data != "" {
		volume = &usage.Volume{Data: o.Data, Limit: o.Limit}
	}
	k := &server.Keeper{Key: key, Volume: volume, Cache: o.CacheUid, RefuseAt: o.RefuseAt, Metrics: &server.Metrics{Volume: volume, Sweeps: volume != nil || o.S3Endpoint != "", Registry: o.RegistryMetrics}, Say: log.Say}
	if o.S3Endpoint != "" {
		k.Bucket = folderOf(o)
	}
	if files := servingFiles(o, key); files != nil {
		k.Certificate = &server.Certificate{Files: files, Registry: o.Registry}
		k.Refresh()
	}
	if o.Htpasswd != "" {
		k.File = &access.File{Key: key, Path: o.Htpasswd, Others: o.Users}
		// A keeper that is started again goes on with what the operator has said since the Pod was made.
		users, err := k.File.Users()
		if err != nil {
			return setupFailed(err, "the registry's users cannot be read")
		}
		if users == nil {
			users = o.User
		}
		if err := k.SetUsers(users); err != nil {
			return setupFailed(err, "the registry's users cannot be written")
		}
	}
	go k.Every(ctx, refreshAfter)
	if volume != nil {
		// The report tells what is wrong, and asks again.
		if _, err := usage.Marked(o.Data, o.CacheUid); err != nil {
			log.Say("the volume cannot be marked: %s", err)
		}
		sweep.Reserve(o.Data)
		if err := k.RemoveUnfinished(); err != nil {
			log.Say("unfinished plans cannot be removed: %s", err)
		}
	}
	answers, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return setupFailed(err, "the keeper cannot listen")
	}
	metrics, err := net.Listen("tcp", o.Metrics)
	if err != nil {
		return setupFailed(err, "the keeper cannot listen")
	}
	log.Explain("listening on %s and %s", answers.Addr(), metrics.Addr())
	if o.Events != "" {
		k.Pushes = &server.Pushes{}
	}
	k.Export = &server.Export{From: exported(o, k), Secret: o.ExportCredentials, Say: log.Say}
	all := []server.Listening{
		{Listener: answers, Handler: k.Handler(ctx), Certificate: k.Certificate},
		{Listener: metrics, Handler: k.Metrics.Handler()},
	}
	if o.Events != "" {
		events, err := net.Listen("tcp", o.Events)
		if err != nil {
			return setupFailed(err, "the keeper cannot listen")
		}
		if o.Data != "" {
			if k.Pulls, err = recordOf(o.Data); err != nil {
				// Nothing is deleted then for which pulls count.
				log.Say("the record of pulls cannot be read: %s", err)
			}
		}
		all = append(all, server.Listening{Listener: events, Handler: k.Events(), Stays: true})
	}
	var mirroring sync.WaitGroup
	if o.MirrorTo != "" {
		if k.Mirror, err = mirrorOf(o); err != nil {
			return setupFailed(err, "nothing can be mirrored")
		}
		k.Metrics.Mirror = k.Mirror
		mirroring.Go(func() { k.Mirror.Run(ctx) })
	}
	err = server.Serve(ctx, all...)
	stop()
	k.Wait()
	k.Export.Wait()
	mirroring.Wait()
	if err != nil {
		return setupFailed(err, "the keeper cannot go on")
	}
	return nil
}

// folderOf is where the registry keeps its artifacts. The keys are those that the registry has.
func folderOf(o options.Options) *bucket.Folder {
	return &bucket.Folder{
		Client: &bucket.Client{
			Endpoint: o.S3Endpoint, Bucket: o.S3Bucket, Region: o.S3Region, Folder: o.S3Folder, VirtualHost: o.S3VirtualHost,
			AccessKey: os.Getenv("AWS_ACCESS_KEY_ID"), SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		},
		Owner: bucket.Owner{Installation: o.Installation, Cache: o.Cache},
	}
}

func mirrorOf(o options.Options) (*mirror.Mirror, error) {
	to, err := reference.ParseRegistry(o.MirrorTo)
	if err != nil {
		return nil, err
	}
	speaks, err := registryOptions(o, credentials.Push)
	if err != nil {
		return nil, err
	}
	// It says itself what goes wrong, once.
	speaks.Log = nil
	found := &mirror.Mirror{
		From: mirror.Files(o.Data), To: to, Name: o.MirrorTo, Repositories: o.MirrorRepository, Secret: o.MirrorCredentials,
		SecretWord: "spec.mirrorTo.secretRef", RegistryWord: "spec.mirrorTo.registry", Registry: speaks, Say: log.Say,
	}
	found.Start(time.Now())
	return found, nil
}

// exported is where artifacts are read that are copied before the OrasCache goes: from the registry where they are on no volume.
func exported(o options.Options, k *server.Keeper) mirror.Source {
	if o.Data != "" {
		return mirror.Files(o.Data)
	}
	return k.Served(o.Registry)
}

// recordOf is the record of this Pod: several registries may have one volume.
func recordOf(data string) (*pulls.Record, error) {
	pod, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return pulls.Open(data, pod, time.Now())
}
