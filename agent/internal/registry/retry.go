package registry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Pauses between tries: the registry of a step often starts at the same time as the step.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 15 * time.Second
	// longestTry of a request with a short answer: another connection may lead to somebody who answers.
	longestTry = time.Minute
	// remindAfter: a fault is told once, and again when it has lasted as long.
	remindAfter = time.Minute
)

// patience decides how long something is tried. It is for one operation and one goroutine.
type patience struct {
	o    Options
	what string
	// who is waited for; empty: the registry.
	who string
	// began is when the trouble did; zero while there is none.
	began time.Time
	pause time.Duration
	told  string
	at    time.Time
	// said is the last refusal in the registry's own words.
	said *Error
}

// left returns for how long a try may go on.
func (p *patience) left() time.Duration {
	if p.began.IsZero() {
		return p.o.Timeout
	}
	return p.o.Timeout - p.o.clock.now().Sub(p.began)
}

// progress forgets the trouble: something moved.
func (p *patience) progress() { p.began, p.pause, p.said = time.Time{}, 0, nil }

// excuse does not count a time.
func (p *patience) excuse(d time.Duration) {
	if !p.began.IsZero() {
		p.began = p.began.Add(d)
	}
}

// wait returns nil when another try is worth it, after a pause; else what to tell.
func (p *patience) wait(ctx context.Context, err error) error {
	e := As(err)
	if e == nil || !e.passes {
		return err
	}
	if e.Status != 0 {
		p.said = e
	}
	now := p.o.clock.now()
	if p.began.IsZero() {
		p.began = now
	}
	left := p.left()
	if left <= 0 {
		return p.over(e)
	}
	p.pause = min(max(2*p.pause, firstPause), lastPause)
	pause := p.pause + time.Duration(rand.Int64N(int64(p.pause)/5))
	if e.retryAfter > pause {
		pause = e.retryAfter
	}
	if e.Reason != p.told || now.Sub(p.at) >= remindAfter {
		p.o.Log(fmt.Sprintf("%s: %s; trying again for up to %s", p.what, e.Reason, Words(left)))
		p.told, p.at = e.Reason, now
	}
	return p.o.clock.sleep(ctx, min(pause, left))
}

// over tells what the last try found, and what the registry said before, if the last one got no answer: its words are
// what an author can do something about.
func (p *patience) over(last *Error) error {
	who := p.who
	if who == "" {
		who = "the registry"
	}
	if p.said == nil {
		return &Error{
			Kind: Unavailable, Cause: last, Hint: last.Hint,
			Reason: fmt.Sprintf("%s did not answer within %s; last: %s", who, Words(p.o.Timeout), last.Reason),
		}
	}
	reason := fmt.Sprintf("%s did not succeed within %s; last: %s", who, Words(p.o.Timeout), last.Reason)
	if last != p.said {
		reason += "; before: " + p.said.Reason
	}
	return &Error{Kind: Unavailable, Status: p.said.Status, Code: p.said.Code, Cause: last, Reason: reason, Hint: p.said.Hint}
}

// retry makes a request that has a short answer until it works, fails for good, or the timeout is over, counted from
// now. No try takes longer than what is left of it, or than a minute.
func (r *Repository) retry(ctx context.Context, what string, try func(context.Context) error) error {
	p := &patience{o: r.o, what: what, began: r.o.clock.now()}
	for {
		err := within(ctx, min(p.left(), longestTry), try)
		if err == nil {
			return nil
		}
		if err := p.wait(ctx, err); err != nil {
			return err
		}
	}
}

// within ends a try that takes too long: a registry may accept a connection and never answer.
func within(ctx context.Context, limit time.Duration, try func(context.Context) error) error {
	// The last try begins when the time is over, and may take a moment.
	limit = max(limit, time.Second)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, noAnswerError{limit})
	defer cancel()
	return try(ctx)
}
