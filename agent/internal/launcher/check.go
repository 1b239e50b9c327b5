package launcher

import (
	"os"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

// checkPipe makes the output-pipe file, or says why it cannot be made.
func checkPipe(path string, code int) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		// Opening it would wait for a reader.
		return failure.New(code, "the output pipe %s is a named pipe; it must be a file, which is made when it is not there", path)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return failure.Wrap(err, code, "the output pipe %s cannot be written by user %d: %s; its directory must exist and be writable", path, os.Getuid(), err)
	}
	return file.Close()
}

// checkOutput says what of an output that is there already cannot be packed. What is not there may still be made.
func checkOutput(options pack.Options) error {
	if _, err := os.Stat(options.Path); os.IsNotExist(err) {
		return nil
	}
	_, err := pack.Describe(options)
	return err
}
