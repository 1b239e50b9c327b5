package pusher

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/protocol"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// A launcher that was killed while this container was started again is not waited for: nothing starts it again.
func TestALauncherThatDoesNotComeBack(t *testing.T) {
	returnTime = 10 * time.Millisecond
	root := share.Root(t.TempDir())
	for _, path := range []string{string(root.Part(0)), root.Kept(0)} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := folder(root.Kept(0)).markServed(); err != nil {
		t.Fatal(err)
	}
	listening, err := Listen(root, 1)
	if err != nil {
		t.Fatal(err)
	}
	exit, err := listening.Run(t.Context(), Options{
		Settings: Settings{Policies: []Policy{{Restart: Never}}}, Share: root, Log: failure.Log{To: io.Discard},
		Supply: &Supply{
			Prepare: func(context.Context) error { return nil },
			Send:    func(context.Context, *protocol.Writer) error { return nil },
		},
	})
	if err != nil || exit.Code != 0 || !strings.Contains(exit.Message, "it was killed") {
		t.Errorf("%+v, %v", exit, err)
	}
}
