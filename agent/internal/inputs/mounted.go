package inputs

import (
	"context"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

// Mounted is of a step whose inputs are volumes of its Pod.
type Mounted struct {
	// Source has the references of the volumes; nothing is waited for.
	Source
	// Digests is the file that keeps what is mounted.
	Digests string
}

// Look keeps which artifacts are mounted. It refuses tags: the kubelet looks at the tag of a volume again whenever it starts a
// container, so that the program may read another artifact than the one that is found here. What it returns is a Failure for
// the author, or the end of ctx.
// See https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/kubelet/kuberuntime/kuberuntime_manager.go#L1675
func (m Mounted) Look(ctx context.Context) error {
	digests := make([]string, len(m.References))
	for i, ref := range m.References {
		if ref.Digest == "" {
			return failure.New(m.InvalidCode, "input %d, %s, is a volume of the Pod without a digest: the node may mount another artifact for each container. Create the Job again, and let wait-for-inputs start it; or name the input by its digest", i+1, ref.Name())
		}
		repository, err := registry.Open(ref, m.Registry)
		if err != nil {
			return m.failed(ref, err)
		}
		_, err = repository.Manifest(ctx)
		repository.Close()
		if err != nil {
			return m.failed(ref, err)
		}
		m.Say("input %d: %s is a volume of the Pod", i+1, ref.Name())
		digests[i] = ref.Digest
	}
	if err := writeJSON(m.Digests, digests); err != nil {
		return m.broken(err)
	}
	return nil
}
