package options

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOptionsAreReadAsTheOperatorWritesThem(t *testing.T) {
	got, err := Parse("push", []string{
		"--share=/mnt/oras", "--output=https://ghcr.io/acme/out:1", "--image=a", "--image=", "--policy={}", "--timeout=7", "--debug", "--",
	})
	if err != nil {
		t.Fatal(err)
	}
	// What is not written has its default.
	want, err := Parse("push", nil)
	if err != nil {
		t.Fatal(err)
	}
	want.Share, want.Output, want.Image, want.Policy = "/mnt/oras", "https://ghcr.io/acme/out:1", []string{"a", ""}, []string{"{}"}
	want.Timeout, want.Debug, want.Rest = 7*time.Second, true, []string{}
	if want.PushOn != "success" || want.Compression != "auto" || !want.Unpack || want.Containers != 1 {
		t.Errorf("the defaults are %+v", want)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v, want\n%+v", got, want)
	}
}

func TestTheProgramIsExact(t *testing.T) {
	got, err := Parse("exec", []string{"--share=s", "--keep-inputs", "--", "--", "--share=x", ""})
	if want := []string{"--", "--share=x", ""}; err != nil || got.Share != "s" || !got.KeepInputs || !slices.Equal(got.Rest, want) {
		t.Errorf("read %+v, %v", got, err)
	}
}

func TestWhatNoOptionIsNamesTheCommand(t *testing.T) {
	for _, c := range []struct{ command, argument, says string }{
		{"exec", "--output=x", "exec: flag provided but not defined: -output"},
		{"push", "--timeout=long", `push: invalid value "long" for flag -timeout`},
		{"run", "", `no command "run"; there are install, pull, exec`},
	} {
		_, err := Parse(c.command, []string{c.argument})
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "different releases") {
			t.Errorf("%s %s: %v", c.command, c.argument, err)
		}
	}
}

func TestEveryOptionCanBeRead(t *testing.T) {
	shape := reflect.TypeFor[Options]()
	for i := range shape.NumField() {
		tag := shape.Field(i).Tag
		for _, command := range strings.Fields(tag.Get("commands")) {
			if _, err := Parse(command, []string{"--" + tag.Get("option") + "=1"}); err != nil {
				t.Error(err)
			}
			if !slices.Contains(Commands, command) {
				t.Errorf("%s is of the command %s, which there is not", tag.Get("option"), command)
			}
		}
	}
}
