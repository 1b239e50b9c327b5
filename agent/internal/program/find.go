package program

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"golang.org/x/sys/unix"
)

// defaultPath is what execvp(3) searches without a PATH.
const defaultPath = "/bin:/usr/bin"

// find looks a program up as execvp(3) does: in the PATH of its own environment, or as a path when it has a slash. An
// empty entry of the PATH is the working directory.
func find(name string, env []string) (string, error) {
	if name == "" {
		return "", failure.New(CodeNotFound, "the command of the container begins with an empty word")
	}
	if strings.Contains(name, "/") {
		return name, usable(name, name)
	}
	path := pathIn(env)
	var denied error
	for _, folder := range filepath.SplitList(path) {
		if folder == "" {
			folder = "."
		}
		// Not filepath.Join, which would make ./name a name without a slash.
		candidate := folder + "/" + name
		err := usable(name, candidate)
		if err == nil {
			return candidate, nil
		}
		if failure.As(err).Code == CodeNotExecutable {
			denied = err
		}
	}
	if denied != nil {
		return "", denied
	}
	return "", failure.New(CodeNotFound, "there is no program %s in the container's PATH, %s", name, path)
}

// usable says why a file cannot be run, if that can be known before it is tried.
func usable(name, path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil && os.IsPermission(err):
		return failure.Wrap(err, CodeNotExecutable, "the program %s cannot be run: user %d may not reach %s", name, os.Getuid(), path)
	case err != nil:
		return failure.Wrap(err, CodeNotFound, "there is no program %s in the container", path)
	case info.IsDir():
		return failure.New(CodeNotExecutable, "the program %s cannot be run: %s is a directory", name, path)
	}
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS); err != nil {
		return failure.Wrap(err, CodeNotExecutable, "the program %s cannot be run: user %d may not execute %s", name, os.Getuid(), path)
	}
	return nil
}

// pathIn is the PATH of an environment: of several, the first, as getenv(3) has it.
func pathIn(env []string) string {
	for _, entry := range env {
		if value, found := strings.CutPrefix(entry, "PATH="); found {
			return value
		}
	}
	return defaultPath
}
