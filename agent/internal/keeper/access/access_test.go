package access

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
	"pgregory.net/rapid"
)

const goodHash = "$2y$05$926C3y10Quzn/LnqQH86VOEVh/18T6RnLaS.khre96jLNL/7e.K5W"

// What distribution reads of a line (registry/auth/htpasswd of 3.1.2): a line without a colon ends all access.
func readsAsOneUser(t *rapid.T, l line) {
	text := l.user + ":" + l.hash
	trimmed := strings.TrimSpace(text)
	user, hash, has := strings.Cut(trimmed, ":")
	if trimmed != text || strings.ContainsAny(text, "\n\r") || !has || user != l.user || hash != l.hash || text[0] == '#' {
		t.Errorf("%q is not read as one user", text)
	}
	if _, err := bcrypt.Cost([]byte(hash)); err != nil {
		t.Errorf("%q: %v", text, err)
	}
}

func TestWhateverPeopleWriteTheRegistryCanRead(t *testing.T) {
	word := rapid.OneOf(
		rapid.String(), rapid.SampledFrom([]string{"ada", "oras-1", "oras-x", "#ada", " ", "\u00a0", "\u2028", goodHash, goodHash[:59], "$2y$99" + goodHash[6:], "{SHA}x", ":", "\n", "\r\n"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(word).Draw(t, "words"), rapid.SampledFrom([]string{":", "\n", ""}).Draw(t, "between"))
		lines, problems := check(text)
		users := map[string]bool{}
		for _, l := range lines {
			readsAsOneUser(t, l)
			if users[l.user] || IsOperators(l.user) {
				t.Errorf("%s may not be there", l.user)
			}
			users[l.user] = true
		}
		for _, problem := range problems.First {
			if strings.Contains(problem.Problem, goodHash) {
				t.Errorf("%s holds a hash", problem.Problem)
			}
		}
		for user := range users {
			if !strings.Contains(text, user+":") {
				t.Errorf("%s is nobody's", user)
			}
		}
	})
}

func TestAHashInTheWrongPlaceIsNotTold(t *testing.T) {
	for _, text := range []string{goodHash + ":" + goodHash, goodHash + ":ada", strings.Repeat(goodHash+":"+goodHash+"\n", 2)} {
		_, problems := check(text)
		for _, problem := range problems.First {
			if strings.Contains(problem.Problem, "$2y$") {
				t.Errorf("%q: %s", text, problem.Problem)
			}
		}
	}
}

// A Secret has room for half a million lines. What the operator is told has to fit into what it reads of a report, 64 KiB, and
// into the memory of the keeper.
func TestWhatIsWrongWithManyLinesIsBounded(t *testing.T) {
	dear := strings.Replace(goodHash, "$05$", "$12$", 1)
	for text, want := range map[string]int{
		strings.Repeat("x\n", 1000):                                           1000,
		strings.Repeat("ada:"+dear+"\n", 50):                                  99,
		strings.Repeat("ada:"+dear+"\n", 50) + "x\n":                          100,
		strings.Repeat("ada:"+goodHash+"\n"+"eve:"+goodHash+"\n", 50) + "x\n": 99,
	} {
		lines, problems := check(text)
		if len(problems.First) > 20 || len(problems.First)+problems.More != want {
			t.Errorf("%d and %d problems; %d are expected", len(problems.First), problems.More, want)
		}
		isLeftOut := func(p Problem) bool { return p.LeftOut }
		if strings.HasSuffix(text, "x\n") != slices.ContainsFunc(problems.First, isLeftOut) {
			t.Errorf("%.10q: whether one is left out cannot be told: %v", text, problems.First)
		}
		if strings.HasPrefix(text, "ada") && (len(lines) == 0 || len(lines) > 2) {
			t.Errorf("%.10q: %d users", text, len(lines))
		}
	}
}

func TestALineIsKeptAsItIs(t *testing.T) {
	lines, problems := check("ada:" + goodHash + "\r\n  jörg:" + goodHash + "  \n")
	if len(problems.First) > 0 || len(lines) != 2 || lines[0] != (line{"ada", goodHash}) || lines[1] != (line{"jörg", goodHash}) {
		t.Error(lines, problems)
	}
}

func TestUsersChangeAndTheFileOnlyThen(t *testing.T) {
	folder := t.TempDir()
	f := File{Key: "key", Path: filepath.Join(folder, "htpasswd"), Others: folder + "/others"}
	if users, err := f.Users(); users != nil || err != nil {
		t.Error(users, err)
	}
	write := func(users ...string) os.FileInfo {
		t.Helper()
		if _, err := f.Write(users); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first := write("oras-1")
	if again := write("oras-1"); !again.ModTime().Equal(first.ModTime()) {
		t.Error("written again")
	}
	// distribution goes by the time, whose clock may stand still for some milliseconds.
	second := write("oras-1", "oras-2")
	third := write("oras-2")
	if second.ModTime().Equal(first.ModTime()) || third.ModTime().Equal(second.ModTime()) {
		t.Error("changed at the same time")
	}
	if f.Allows("oras-1", f.Key.Password("oras-1")) || !f.Allows("oras-2", f.Key.Password("oras-2")) || f.Allows("oras-2", "") || f.Allows("", "") {
		t.Error("the wrong users")
	}
}
