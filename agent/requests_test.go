package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
)

// agentOf finds the User-Agent in a line; a value with spaces is quoted there.
var agentOf = regexp.MustCompile(`http\.request\.useragent=(?:"([^"\n]+)"|(\S+))`)

// What is looked at is the real registry's log, of what its image logs by default.
func TestOneIDFollowsAStepIntoTheLogOfTheRegistry(t *testing.T) {
	host, said := startRegistryIn(t, t.TempDir())
	artifact := "http://" + host + "/runs/a:1"
	agents := func() []string {
		found := map[string]bool{}
		for _, line := range agentOf.FindAllStringSubmatch(said.String(), -1) {
			found[line[1]+line[2]] = true
		}
		return slices.Sorted(maps.Keys(found))
	}
	t.Setenv(contract.RequestVariable, "5b0c0d3e-push")
	makes(t, artifact, "mkdir out; echo a > out/a", "--output-path", "out")
	t.Setenv(contract.RequestVariable, "5b0c0d3e-pull")
	takes(t, "true", artifact)
	until(t, "both steps to be in the log", func() bool { return len(agents()) > 1 })
	want := []string{"oras-operator-agent request/5b0c0d3e-pull", "oras-operator-agent request/5b0c0d3e-push"}
	if found := agents(); !slices.Equal(found, want) {
		t.Errorf("the registry was asked by %q, want %q", found, want)
	}
	t.Setenv(contract.RequestVariable, "")
	takes(t, "true", artifact)
	until(t, "a step without an id to be in the log", func() bool { return slices.Contains(agents(), "oras-operator-agent") })
}

// The operator counts what steps pull: a blob that two inputs have comes once.
func TestAnInitContainerSaysWhatItHasPulled(t *testing.T) {
	host := startRegistry(t)
	first, second := "http://"+host+"/runs/a:1", "http://"+host+"/runs/b:1"
	for _, artifact := range []string{first, second} {
		makes(t, artifact, "printf 12345 > out", "--output-path", "out")
	}
	_, said := newPod(t, "").pull(first, second).end()
	var message struct {
		Pulled struct {
			Bytes   int64   `json:"bytes"`
			Seconds float64 `json:"seconds"`
		} `json:"pulled"`
	}
	must(t, json.Unmarshal([]byte(said), &message))
	if message.Pulled.Bytes != 5 || message.Pulled.Seconds <= 0 {
		t.Errorf("it says %s", said)
	}
	if _, said := newPod(t, "").pull().end(); said != "" {
		t.Errorf("a step without inputs says %q", said)
	}
}
