package artifact_test

import (
	"os"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

func TestMain(m *testing.M) { os.Exit(testprogram.Main(m)) }
