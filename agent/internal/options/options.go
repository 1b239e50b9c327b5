// Package options reads the command line of the agent, which the operator writes.
package options

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

// Options are those of all commands; each uses some. Durations are seconds on the command line.
type Options struct {
	// Share is the volume of the step, or in a wrapped container its part of it.
	Share string
	// Inputs are whole references, with their registries.
	Inputs []string
	// Output is the whole reference of the artifact, OutputName how its author wrote it.
	Output string
	// OutputPath is what is packed, OutputPipe what gets a copy of standard output.
	OutputPath, OutputPipe string
	// InputPath is where inputs are unpacked.
	InputPath string
	// Unpack says that archives are unpacked.
	Unpack bool
	// KeepInputs says that another attempt needs them.
	KeepInputs bool
	// Policies has an entry for each wrapped container: what the kubelet does when it ends (JSON).
	Policies []string
	// Images of the wrapped containers.
	Images []string
	// PushOn and Compression are the annotations' values.
	PushOn, Compression string
	// OrasComesBack says that the kubelet starts the container oras again.
	OrasComesBack bool
	// Credentials is the folder of the step's Secret, PlainLoginHost the one host that may be shown it in plain HTTP.
	Credentials, PlainLoginHost string
	// Timeout and Stall are how long a registry is waited for.
	Timeout, Stall time.Duration
	// Limit is how many bytes the volume of the step takes; 0 where that is not known.
	Limit int64
	// OwnVariables are not the program's.
	OwnVariables []string
	// LeaveOut lists mounts that are not packed (JSON: path and what it is).
	LeaveOut []string
	// MessagePath is the file of the termination message.
	MessagePath string
	Debug       bool
	// Containers is how many are wrapped.
	Containers int
	// Rest is what follows "--": the program.
	Rest []string
}

// list is a flag that may be given several times.
type list struct{ to *[]string }

func (l list) String() string { return "" }
func (l list) Set(value string) error {
	*l.to = append(*l.to, value)
	return nil
}

// Parse reads the arguments after the command.
func Parse(command string, arguments []string) (Options, error) {
	var o Options
	var timeout, stall int
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.Share, "share", "", "")
	flags.Var(list{&o.Inputs}, "input", "")
	flags.StringVar(&o.Output, "output", "", "")
	flags.StringVar(&o.OutputPath, "output-path", "", "")
	flags.StringVar(&o.OutputPipe, "output-pipe", "", "")
	flags.StringVar(&o.InputPath, "input-path", "", "")
	flags.BoolVar(&o.Unpack, "unpack", true, "")
	flags.BoolVar(&o.KeepInputs, "keep-inputs", false, "")
	flags.Var(list{&o.Policies}, "policy", "")
	flags.Var(list{&o.Images}, "image", "")
	flags.StringVar(&o.PushOn, "push-on", "success", "")
	flags.StringVar(&o.Compression, "compression", "auto", "")
	flags.BoolVar(&o.OrasComesBack, "oras-comes-back", false, "")
	flags.StringVar(&o.Credentials, "credentials", "", "")
	flags.StringVar(&o.PlainLoginHost, "plain-login-host", "", "")
	flags.IntVar(&timeout, "timeout", 0, "")
	flags.IntVar(&stall, "stall-timeout", 0, "")
	flags.Int64Var(&o.Limit, "limit", 0, "")
	flags.Var(list{&o.OwnVariables}, "variable", "")
	flags.Var(list{&o.LeaveOut}, "leave-out", "")
	flags.StringVar(&o.MessagePath, "message-path", "/dev/termination-log", "")
	flags.BoolVar(&o.Debug, "debug", false, "")
	flags.IntVar(&o.Containers, "containers", 1, "")
	if err := flags.Parse(arguments); err != nil {
		return o, fmt.Errorf("%s: %w; the operator and this image are of different releases", command, err)
	}
	o.Timeout, o.Stall = time.Duration(timeout)*time.Second, time.Duration(stall)*time.Second
	o.Rest = flags.Args()
	return o, nil
}

// Decode reads options that are JSON, one value each.
func Decode[T any](texts []string) ([]T, error) {
	values := make([]T, len(texts))
	for i, text := range texts {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&values[i]); err != nil {
			return nil, fmt.Errorf("option %q: %w", text, err)
		}
	}
	return values, nil
}
