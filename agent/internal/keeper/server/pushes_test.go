package server

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// tells sends a notification as the registry does.
func tells(t *testing.T, k *Keeper, count int, userAgent string) {
	t.Helper()
	var events []event
	for i := range count {
		var e event
		e.Action, e.Request.UserAgent = "push", userAgent
		e.Target.Digest, e.Target.Repository, e.Target.Tag = fmt.Sprintf("sha256:%064x", i), "runs/a", "t"
		events = append(events, e)
	}
	body, err := json.Marshal(map[string]any{"events": events})
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	k.Events().ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body))))
	if answer.Code != http.StatusOK {
		t.Fatal(answer.Code)
	}
}

func following(t *testing.T) *Keeper {
	return &Keeper{Key: secret, Pushes: &Pushes{}, Export: &Export{}, Say: t.Logf}
}

func (p *Pushes) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.followers)
}

func TestAFollowerIsHeardWhileNothingIsPushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := following(t)
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		var times []time.Duration
		go k.Pushes.Follow(ctx, func(line []byte) error {
			if string(line) != "\n" {
				t.Errorf("%q", line)
			}
			times = append(times, time.Since(began))
			return nil
		})
		time.Sleep(2*heartbeat + time.Second)
		stop()
		synctest.Wait()
		if fmt.Sprint(times) != fmt.Sprint([]time.Duration{0, heartbeat, 2 * heartbeat}) || k.Pushes.count() != 0 {
			t.Error(times, k.Pushes.count())
		}
	})
}

func TestAFollowerThatCannotBeReachedIsLeft(t *testing.T) {
	k := following(t)
	k.Pushes.Follow(t.Context(), func([]byte) error { return errors.New("broken pipe") })
	if k.Pushes.count() != 0 {
		t.Error(k.Pushes.count())
	}
}

func TestTheOldestOfTooManyFollowersIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := following(t)
		ctx, stop := context.WithCancel(t.Context())
		heard, ended := make([]int, mostFollowers+1), make([]bool, mostFollowers+1)
		for i := range heard {
			go func() {
				k.Pushes.Follow(ctx, func([]byte) error { heard[i]++; return nil })
				ended[i] = true
			}()
			synctest.Wait()
		}
		tells(t, k, 1, "")
		synctest.Wait()
		if fmt.Sprint(heard, ended) != "[1 2 2 2 2] [true false false false false]" {
			t.Error(heard, ended)
		}
		stop()
		synctest.Wait()
	})
}

// A User-Agent that is longer than that of a step is not cut: what is left of it could be taken for another one.
func TestALineHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := following(t)
		var lines []string
		go k.Pushes.Follow(t.Context(), func(line []byte) error { lines = append(lines, string(line)); return nil })
		synctest.Wait()
		for _, userAgent := range []string{strings.Repeat("a", longestUserAgent+1) + " request/x", strings.Repeat("<", longestUserAgent), "a\nb\x00\xff"} {
			tells(t, k, 1, userAgent)
		}
		synctest.Wait()
		if len(lines) != 4 || strings.Contains(lines[1], "userAgent") {
			t.Fatalf("%q", lines)
		}
		for _, line := range lines[1:] {
			if len(line) > 4096 || strings.Index(line, "\n") != len(line)-1 {
				t.Errorf("%q", line)
			}
		}
	})
}

// startServer starts the keeper's server, as the operator reaches it.
func startServer(t *testing.T, k *Keeper) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, Listening{Listener: listener, Handler: k.Handler(ctx)}) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func follow(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, _ = fmt.Fprintf(conn, "GET /pushes HTTP/1.1\r\nHost: keeper\r\nAuthorization: Bearer %s\r\n\r\n", base64.RawURLEncoding.EncodeToString(secret.Seed("keeper")))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	lines := bufio.NewReader(answer.Body)
	if first, err := lines.ReadString('\n'); first != "\n" || err != nil {
		t.Fatalf("%q %v", first, err)
	}
	return conn, lines
}

// The registry waits for its keeper with everything that it has to tell.
func TestAFollowerThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	k := following(t)
	address := startServer(t, k)
	sleeps, _ := follow(t, address)
	// As little as the system allows waits in it.
	_ = sleeps.(*net.TCPConn).SetReadBuffer(1)
	_, reads := follow(t, address)
	lines := make(chan string, 1)
	go func() {
		for {
			line, err := reads.ReadString('\n')
			if err != nil {
				close(lines)
				return
			}
			if line != "\n" {
				lines <- line
			}
		}
	}()
	told := 0
	for ; k.Pushes.count() == 2; told += mostWaiting / 4 {
		tells(t, k, mostWaiting/4, strings.Repeat("a", longestUserAgent))
		for range mostWaiting / 4 {
			if line := <-lines; !strings.Contains(line, `"repository":"runs/a"`) {
				t.Fatalf("%q after %d", line, told)
			}
		}
	}
	t.Logf("ended after %d lines", told)
	tells(t, k, 1, "last")
	if line := <-lines; !strings.Contains(line, `"userAgent":"last"`) {
		t.Errorf("%q", line)
	}
}

// Any other request has ten seconds until it is read.
func TestAFollowerStaysLongerThanAnyOtherRequest(t *testing.T) {
	t.Parallel()
	k := following(t)
	_, lines := follow(t, startServer(t, k))
	if line, err := lines.ReadString('\n'); line != "\n" || err != nil {
		t.Fatalf("%q %v", line, err)
	}
	tells(t, k, 1, "")
	if line, err := lines.ReadString('\n'); !strings.HasPrefix(line, "{") || err != nil {
		t.Fatalf("%q %v", line, err)
	}
}

func TestAFollowerThatHangsUpIsForgotten(t *testing.T) {
	k := following(t)
	conn, _ := follow(t, startServer(t, k))
	_ = conn.Close()
	for deadline := time.Now().Add(10 * time.Second); k.Pushes.count() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is still told")
		}
	}
}
