package inputs

import (
	"context"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

// Mounted is of a step whose inputs are volumes of its Pod: the node has mounted them before any container starts.
type Mounted struct {
	// Source has the references as their author wrote them; nothing is waited for.
	Source
	// Decided are the digests that were found when the step was let go, empty where none was.
	Decided []string
	// Digests is the file that keeps what the tags stand for. A later life of the container goes on with them.
	Digests string
}

// Look keeps what the tags stand for. A tag that has moved since the step was let go may have moved before or after the node
// mounted what it stood for, so that it is not known what the program would read. What it returns is a Failure for the author,
// or the end of ctx.
func (m Mounted) Look(ctx context.Context) error {
	kept, err := ReadDigests(m.Digests)
	if err != nil {
		return m.broken(err)
	}
	if len(kept) == len(m.References) {
		return nil
	}
	digests := make([]string, len(m.References))
	for i, ref := range m.References {
		repository, err := registry.Open(ref, m.Registry)
		if err != nil {
			return m.failed(ref, err)
		}
		found, err := repository.Manifest(ctx)
		repository.Close()
		if err != nil {
			return m.failed(ref, err)
		}
		if i < len(m.Decided) && m.Decided[i] != "" && m.Decided[i] != found.Digest {
			return failure.New(m.InvalidCode, "input %d, %s, is a volume of the Pod. It was %s when the step was let go, and is %s now: which of both is mounted is not known. Create the step again", i+1, ref.Name(), m.Decided[i], found.Digest)
		}
		m.Say("input %d: %s, %s, is a volume of the Pod", i+1, ref.Name(), found.Digest)
		digests[i] = found.Digest
	}
	if err := writeJSON(m.Digests, digests); err != nil {
		return m.broken(err)
	}
	return nil
}
