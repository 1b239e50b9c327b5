package sweep

import "github.com/converged-computing/oras-operator/agent/internal/keeper/layout"

// fact is what is known of a blob.
type fact uint8

const (
	// named: a manifest that a repository has names it, or it is such a manifest.
	named fact = 1 << iota
	// linked: a repository has it.
	linked
	// young: a repository has had it for less than the grace, or in a way that is not understood.
	young
	// stored: it is among the registry's files, and not only in the trash.
	stored
)

// census is what is known of the blobs that may go: those older than the grace and those in the trash. The others are not
// in it, however often they are named: so it takes as much memory as there are such blobs, whatever manifests say. Two
// blobs that begin with the same 8 bytes count as one, and stay where one of them has to.
type census map[uint64]fact

func (c census) add(d layout.Digest, is fact) { c[d.Short()] |= is }

// see adds what is known of a blob, if it may go.
func (c census) see(d layout.Digest, is fact) {
	if known, in := c[d.Short()]; in {
		c[d.Short()] = known | is
	}
}

func (c census) is(d layout.Digest, any fact) bool { return c[d.Short()]&any != 0 }

func (c census) has(d layout.Digest) bool { _, in := c[d.Short()]; return in }

// forget forgets what marks have told.
func (c census) forget() {
	for short := range c {
		c[short] &= stored
	}
}

// spare takes out those of which something is known.
func (c census) spare(any fact) {
	for short, known := range c {
		if known&any != 0 {
			delete(c, short)
		}
	}
}

// onlyStored takes out what is in the trash alone.
func (c census) onlyStored() {
	for short, known := range c {
		if known&stored == 0 {
			delete(c, short)
		}
	}
}
