// Package options reads the command line of the agent, which the operator writes.
package options

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Commands are what the agent can be asked for.
var Commands = strings.Fields("install pull exec started ready push serve sidecar application keep-init keep")

// Parse reads the arguments after the command.
func Parse(command string, arguments []string) (Options, error) {
	var o Options
	if !slices.Contains(Commands, command) {
		return o, fmt.Errorf("there is no command %q; there are %s; the operator and this image are of different releases", command, strings.Join(Commands, ", "))
	}
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	value := reflect.ValueOf(&o).Elem()
	for i := range value.NumField() {
		define(flags, command, value.Type().Field(i).Tag, value.Field(i))
	}
	if err := flags.Parse(arguments); err != nil {
		return o, fmt.Errorf("%s: %w; the operator and this image are of different releases", command, err)
	}
	o.Rest = flags.Args()
	return o, nil
}

// All are the values of an option whose arguments may not be whole: Parse stops at the first mistake.
func All(arguments []string, name string) []string {
	var values []string
	for _, argument := range arguments {
		if value, is := strings.CutPrefix(argument, "--"+name+"="); is {
			values = append(values, value)
		}
	}
	return values
}

// Last is the value of such an option that counts; empty where there is none.
func Last(arguments []string, name string) string {
	values := All(arguments, name)
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// define makes an option of a field as its tags say, with its default also where the command does not have it.
func define(flags *flag.FlagSet, command string, tag reflect.StructTag, field reflect.Value) {
	option := &option{to: field}
	if text, has := tag.Lookup("default"); has {
		if err := option.Set(text); err != nil {
			panic(err) // a fault of the generated struct
		}
	}
	if name := tag.Get("option"); slices.Contains(strings.Fields(tag.Get("commands")), command) {
		flags.Var(option, name, "")
	}
}

// option writes to a field of Options.
type option struct{ to reflect.Value }

// String is that of flag.Value, for help that nobody asks for.
func (o *option) String() string { return "" }

// IsBoolFlag lets a flag stand without a value.
func (o *option) IsBoolFlag() bool { return o.to.Kind() == reflect.Bool }

// Set reads a value.
func (o *option) Set(text string) error {
	switch to := o.to.Addr().Interface().(type) {
	case *string:
		*to = text
	case *[]string:
		*to = append(*to, text)
	case *bool:
		value, err := strconv.ParseBool(text)
		*to = value
		return err
	case *time.Duration:
		seconds, err := strconv.Atoi(text)
		*to = time.Duration(seconds) * time.Second
		return err
	case *int:
		value, err := strconv.Atoi(text)
		*to = value
		return err
	case *int64:
		value, err := strconv.ParseInt(text, 10, 64)
		*to = value
		return err
	}
	return nil
}

// Describe lists the options that a command has, but not the program: its arguments may be secrets.
func (o Options) Describe(command string) string {
	var words []string
	value := reflect.ValueOf(o)
	for i := range value.NumField() {
		tag := value.Type().Field(i).Tag
		if slices.Contains(strings.Fields(tag.Get("commands")), command) {
			words = append(words, fmt.Sprintf("%s=%v", tag.Get("option"), value.Field(i).Interface()))
		}
	}
	return strings.Join(words, ", ")
}

// Decode reads options that are JSON, one value each.
func Decode[T any](texts []string) ([]T, error) {
	values := make([]T, len(texts))
	for i, text := range texts {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&values[i]); err != nil {
			return nil, fmt.Errorf("option %q: %w", text, err)
		}
	}
	return values, nil
}
