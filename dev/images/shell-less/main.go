// The only program of an image that has no shell: what the tests need of one, in one static file.
//
//	program pause              wait for SIGTERM or SIGINT
//	program cat FILE...        print files
//	program write TEXT FILE    write a line
//	program append FROM TO     add the content of FROM to the end of TO
//	program exit CODE
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "program:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "pause":
		return pause()
	case len(args) > 1 && args[0] == "cat":
		for _, name := range args[1:] {
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			os.Stdout.Write(content)
		}
		return nil
	case len(args) == 3 && args[0] == "write":
		return os.WriteFile(args[2], []byte(args[1]+"\n"), 0o644)
	case len(args) == 3 && args[0] == "append":
		return add(args[1], args[2])
	case len(args) == 2 && args[0] == "exit":
		code, err := strconv.Atoi(args[1])
		if err == nil {
			os.Exit(code)
		}
		return err
	}
	return fmt.Errorf("unknown arguments %q: pause | cat FILE... | write TEXT FILE | append FROM TO | exit CODE", args)
}

func pause() error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return nil
		}
		// With a shared PID namespace this is the parent of orphans.
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
	return nil
}

func add(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(to, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write(content)
	return err
}
