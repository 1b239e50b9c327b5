// Package share is the layout of the volume that the containers of a step share.
//
//	<root>/<n>/agent       this program, for wrapped container n
//	<root>/<n>/socket      where the container oras listens for it
//	<root>/<n>/inputs/     what it unpacks
//	<root>/<n>/barrier     only without an init container: lets the kubelet start it
//	<root>/<n>/ended       how the container oras has ended by itself, if it has
//	<root>/<n>/taken       the attempt of it whose end is known to the container oras
//	<root>/parts/<n>/      what it has handed over
//	<root>/parts/end       how the step has ended, when nothing of it can follow
//	<root>/pulled.json     which inputs there are, for the container oras
//	<root>/waiting         since when inputs are waited for, while they are
//	<root>/scripts/        only beside scripts of the author's own: see Scripts
//	<root>/0/entrypoint.sh, <root>/0/oras-entrypoint.sh  those scripts
//
// A wrapped container sees its own part alone, <root>/<n>, read-only. So it can change neither what runs in another
// container nor what others hand over.
package share

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
)

// Modes: containers of a Pod run as different users, so everybody may read. Nothing here is secret; what is, is not here.
const (
	folderMode  = 0o755
	programMode = 0o755
)

const thisProgram = "/proc/self/exe"

// Root is the whole volume, as the containers of the operator see it.
type Root string

// Part is what one wrapped container sees of it.
type Part string

// Part returns the part of a wrapped container, by its number from 0.
func (r Root) Part(number int) Part { return Part(filepath.Join(string(r), strconv.Itoa(number))) }

// Kept is where the output of a wrapped container is kept, by its number from 0.
func (r Root) Kept(number int) string {
	return filepath.Join(string(r), "parts", strconv.Itoa(number))
}

// Concluded is the file that says how the step has ended. No wrapped container sees it.
func (r Root) Concluded() string { return filepath.Join(string(r), "parts", "end") }

// Pulled is the file that says which inputs were pulled. No wrapped container sees it.
func (r Root) Pulled() string { return filepath.Join(string(r), "pulled.json") }

// Waiting is the file that says since when inputs are waited for. No wrapped container sees it.
func (r Root) Waiting() string { return filepath.Join(string(r), "waiting") }

// PulledInputs is where the container oras puts what it pulls itself.
func (r Root) PulledInputs() string { return filepath.Join(string(r), "parts", "inputs") }

// Scripts is the folder that scripts of the author's share.
func (r Root) Scripts() Scripts { return Scripts(filepath.Join(string(r), contract.ShareScripts)) }

// Agent is the path of this program.
func (p Part) Agent() string { return filepath.Join(string(p), contract.ShareAgent) }

// Socket is the path of the socket. With the path of the volume it is shorter than the 107 bytes that unix(7) allows.
func (p Part) Socket() string { return filepath.Join(string(p), "socket") }

// Barrier is the file from which the kubelet reads a variable of the wrapped container, which it does not start without it.
func (p Part) Barrier() string { return filepath.Join(string(p), contract.ShareBarrier) }

// Ended is the file that says how the container oras has ended. While it is started again there is none.
func (p Part) Ended() string { return filepath.Join(string(p), "ended") }

// Taken is the file that names the attempt whose end, and output, the container oras has kept.
func (p Part) Taken() string { return filepath.Join(string(p), "taken") }

// Inputs is the folder of what is to be unpacked.
func (p Part) Inputs() string { return filepath.Join(string(p), contract.ShareInputs) }

// Entrypoint is the path of the author's own application script.
func (p Part) Entrypoint() string { return filepath.Join(string(p), contract.ShareEntrypoint) }

// OrasEntrypoint is the path of the author's own script that pulls and pushes.
func (p Part) OrasEntrypoint() string { return filepath.Join(string(p), contract.ShareOrasEntrypoint) }

// Install puts this program on the share, once for each of so many wrapped containers. Who finds the file finds it whole.
// Sockets of an earlier round are removed, and how that ended: both say that the container oras has ended.
func (r Root) Install(containers int) error {
	for number := range containers {
		part := r.Part(number)
		if err := os.MkdirAll(string(part), folderMode); err != nil {
			return err
		}
		// Whatever the umask is.
		if err := os.Chmod(string(part), folderMode); err != nil {
			return err
		}
		if err := remove(part.Socket()); err != nil {
			return err
		}
		if err := remove(part.Ended()); err != nil {
			return err
		}
		if err := copyProgram(part.Agent()); err != nil {
			return fmt.Errorf("install %s: %w", part.Agent(), err)
		}
	}
	return nil
}

// Open installs and lets the kubelet start so many wrapped containers. The file is an environment file of the kubelet
// (KEP-3721), which wants the value in quotes.
func (r Root) Open(containers int, variable string) error {
	if err := r.Install(containers); err != nil {
		return err
	}
	for number := range containers {
		if err := WriteWhole(r.Part(number).Barrier(), []byte(variable+"='1'\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Return tells so many wrapped containers that the container oras is there again.
func (r Root) Return(containers int) error {
	for number := range containers {
		if err := remove(r.Part(number).Ended()); err != nil {
			return err
		}
	}
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// End is how the container oras has ended by itself.
type End struct {
	Code    int    `json:"code"`
	Message string `json:"message,omitempty"`
	// Final says that nothing of the step can follow: also where the kubelet starts the container again, it ends so.
	Final bool `json:"final,omitempty"`
}

// Conclude keeps how the step has ended.
func (r Root) Conclude(end End) error {
	text, err := json.Marshal(end)
	if err != nil {
		return err
	}
	return WriteWhole(r.Concluded(), text, 0o600)
}

// Conclusion is how the step has ended; nil where it has not.
func (r Root) Conclusion() *End { return readEnd(r.Concluded()) }

// End tells so many wrapped containers that the container oras has ended by itself.
func (r Root) End(containers int, end End) error {
	text, err := json.Marshal(end)
	if err != nil {
		return err
	}
	for number := range containers {
		if err := WriteWhole(r.Part(number).Ended(), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// EndOfOras is how the container oras has ended by itself; nil where it has not.
func (p Part) EndOfOras() *End { return readEnd(p.Ended()) }

func readEnd(path string) *End {
	text, err := os.ReadFile(path)
	var end End
	if err != nil || json.Unmarshal(text, &end) != nil {
		return nil
	}
	return &end
}

// ForgetOutputs drops what so many wrapped containers have handed over, and that the step has ended.
func (r Root) ForgetOutputs(containers int) error {
	if err := remove(r.Concluded()); err != nil {
		return err
	}
	for number := range containers {
		if err := os.RemoveAll(r.Kept(number)); err != nil {
			return err
		}
	}
	return nil
}

// Room is how many of so many bytes of the volume are left beside this program, which lies there once for each of so many
// wrapped containers.
func Room(bytes int64, containers int) (int64, error) {
	program, err := os.Stat(thisProgram)
	if err != nil {
		return 0, err
	}
	return bytes - int64(containers)*program.Size(), nil
}

// copyProgram writes beside the path and renames, because a program that runs cannot be written to.
func copyProgram(path string) (err error) {
	program, err := os.Open(thisProgram)
	if err != nil {
		return err
	}
	defer program.Close()
	// Several containers may do this at once.
	beside, err := os.CreateTemp(filepath.Dir(path), ".agent-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(beside.Name())
		}
	}()
	if _, err = io.Copy(beside, program); err != nil {
		_ = beside.Close()
		return err
	}
	if err = beside.Chmod(programMode); err != nil {
		_ = beside.Close()
		return err
	}
	if err = beside.Close(); err != nil {
		return err
	}
	return os.Rename(beside.Name(), path)
}
