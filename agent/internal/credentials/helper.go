package credentials

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// helperName is what may follow docker-credential-: no path.
var helperName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$`)

// maxHelperAnswer in bytes: tokens have some kilobytes.
const maxHelperAnswer = 64 << 10

// askHelper runs docker-credential-NAME get (the protocol of docker's credential helpers). The registry goes to its
// standard input, the password comes from its standard output; its standard error is not shown, nobody knows what is in
// it. Found is false when the image has no such program, or the program no login.
func askHelper(ctx context.Context, name, host string) (login Login, found bool, err error) {
	if !helperName.MatchString(name) {
		return Login{}, false, nil
	}
	program := "docker-credential-" + name
	path, err := exec.LookPath(program)
	if err != nil {
		return Login{}, false, nil
	}
	server := host
	if reference.IsDockerHub(host) {
		server = "https://index.docker.io/v1/"
	}
	answer := &boundedBuffer{left: maxHelperAnswer}
	command := exec.CommandContext(ctx, path, "get")
	command.WaitDelay = time.Second // For what it leaves behind with its output.
	command.Stdin = strings.NewReader(server)
	command.Stdout = answer
	if err := command.Run(); err != nil {
		said := strings.TrimSpace(answer.String())
		if strings.Contains(said, "credentials not found") {
			return Login{}, false, nil
		}
		if strings.Contains(strings.ToLower(said), "secret") {
			said = "" // Its answer, not its error.
		}
		return Login{}, false, fmt.Errorf("%s failed (%v): %.200s", program, err, said)
	}
	var reply struct{ Username, Secret string }
	if json.Unmarshal(answer.Bytes(), &reply) != nil {
		return Login{}, false, fmt.Errorf("%s did not answer with JSON as credential helpers do", program)
	}
	login = Login{Username: reply.Username, Password: reply.Secret, Source: program}
	if reply.Username == "<token>" {
		login = Login{IdentityToken: reply.Secret, Source: program}
	}
	return login, !login.isEmpty(), nil
}

// boundedBuffer refuses what is longer than it may be, which ends the program that writes into it.
type boundedBuffer struct {
	bytes.Buffer
	left int
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, errors.New("too long")
	}
	b.left -= len(p)
	return b.Buffer.Write(p)
}
