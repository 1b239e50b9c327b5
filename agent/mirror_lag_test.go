package main

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// With SOAK it measures: how long an artifact takes into the other registry, and how long what was pushed while that did not
// answer for five minutes takes after these.
func TestAMirrorLagsLittle(t *testing.T) {
	artifacts, away, missed := 5, time.Duration(0), 10
	if _, is := soakFor(t); is {
		artifacts, away, missed = 500, 5*time.Minute, 1_000
	}
	p := newRegistryPod(t)
	events := freeAddress(t)
	p.tellingRegistry(events)
	remote, _ := startRegistryIn(t, t.TempDir(), sweptRegistry...)
	g := newGate(t, remote)
	p.startKeeper("--events="+events, "--mirror-to=http://"+g.address, "--mirror-repository=**")
	p.untilItAnswers()

	digests := map[string]string{}
	var lags []time.Duration
	for i := range artifacts {
		tag := fmt.Sprint("there-", i)
		digests[tag] = p.putArtifact("a", tag)
		pushed := time.Now()
		until(t, tag, func() bool { return digestAt(t, remote, "a", tag) == digests[tag] })
		lags = append(lags, time.Since(pushed))
	}
	slices.Sort(lags)
	t.Logf("%d artifacts lag by %s (p50) and %s (p99)", artifacts, lags[len(lags)/2], lags[len(lags)*99/100])

	// The remote registry has the last one before its answer has reached the keeper.
	p.untilMirrored(artifacts)
	g.close()
	closed := time.Now()
	for i := range missed {
		tag := fmt.Sprint("missed-", i)
		digests[tag] = p.putArtifact("a", tag)
	}
	until(t, "the trouble", func() bool { told := p.mirror(); return told.Trouble != "" && told.Pending >= missed })
	time.Sleep(away - time.Since(closed))
	g.open()
	opened := time.Now()
	// A busy machine takes long for so many, but it goes on.
	for copied := artifacts; copied < artifacts+missed; {
		last := copied
		until(t, "another tag to be mirrored", func() bool { copied = p.mirror().Copied; return copied > last })
	}
	p.untilMirrored(artifacts + missed)
	t.Logf("away for %s: %d artifacts were there %s later", opened.Sub(closed).Round(time.Second), missed, time.Since(opened).Round(time.Millisecond))
	for tag, digest := range digests {
		if got := digestAt(t, remote, "a", tag); got != digest {
			t.Errorf("%s is %q, expected %s", tag, got, digest)
		}
	}
}
