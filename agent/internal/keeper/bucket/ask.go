package bucket

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // S3 wants it for deletions of many objects
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// request is one of the API of S3.
type request struct {
	kind   kind
	method string
	// key is that of the bucket.
	key    string
	query  url.Values
	header http.Header
	body   []byte
	// wanted is the first element of the answer where it is not that of the kind.
	wanted string
}

// waits are how long S3 is waited for.
type waits struct {
	// answer is how long it may say nothing, copied how long when it copies within itself.
	answer, copied time.Duration
	// pause is the first one between two tries; each is twice as long as the one before, up to the last.
	pause, last time.Duration
	// all is after how long nothing is tried again.
	all time.Duration
}

var usual = waits{answer: time.Minute, copied: 5 * time.Minute, pause: 200 * time.Millisecond, last: 10 * time.Second, all: 5 * time.Minute}

const (
	// tries is how often a request is made that S3 could not answer: AWS refuses some for a while when they become more.
	// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
	tries = 8
	// longestAnswer is more than an error, or a page of a listing, has.
	longestAnswer = 16 << 20
)

// again does something until it succeeds, or makes no sense any more.
func (c *Client) again(ctx context.Context, do func() (again bool, err error)) error {
	waits := cmp.Or(c.waits, &usual)
	pause, began := waits.pause, time.Now()
	for try := 1; ; try++ {
		again, err := do()
		if err == nil || !again {
			return err
		}
		if try == tries || time.Since(began) > waits.all {
			return fmt.Errorf("%w; tried %d times", err, try)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		// Several that were refused together do not come together again.
		case <-time.After(pause/2 + rand.N(pause)):
			pause = min(2*pause, waits.last)
		}
	}
}

// ask asks until there is an answer. What is not there is fs.ErrNotExist.
func (c *Client) ask(ctx context.Context, asked request) (answer []byte, err error) {
	err = c.again(ctx, func() (again bool, err error) {
		answer, again, err = c.askOnce(ctx, asked)
		return again, err
	})
	return answer, err
}

// askFor asks for XML.
func (c *Client) askFor(ctx context.Context, asked request, into any) error {
	answer, err := c.ask(ctx, asked)
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("S3 answers %s with XML that cannot be read: %w", asked, err)
	}
	return nil
}

func (c *Client) askOnce(ctx context.Context, asked request) (answer []byte, again bool, err error) {
	signed, err := c.signed(ctx, asked)
	if err != nil {
		return nil, false, err
	}
	status, answer, err := c.send(signed, asked)
	if err != nil {
		return nil, ctx.Err() == nil, fmt.Errorf("S3 does not answer %s: %w; look whether %s is reached from the registry's Pod", asked, because(err), c.Endpoint)
	}
	root, code := rootOf(answer)
	switch wanted := cmp.Or(asked.wanted, kinds[asked.kind].answer); {
	// Only S3 knows what is not there: a proxy whose S3 is away answers with 404, too.
	case status == http.StatusNotFound && code == noSuchKey:
		return nil, false, fs.ErrNotExist
	case status/100 != 2, root == "Error" && asked.kind != reading:
		return nil, isPassing(status, code), fmt.Errorf("S3 answers %s with %d %s%s", asked, status, code, c.advice(cmp.Or(code, http.StatusText(status)), asked.kind))
	case wanted != "" && root != wanted:
		return nil, true, fmt.Errorf("S3 answers %s with %d and without %s: %s", asked, status, wanted, c.notS3())
	}
	return answer, false, nil
}

var errSilent = errors.New("it says nothing")

// send sends a request and reads the answer whole, however long that takes while something comes: else nobody would ever hear
// that a server is waited for that says no more.
func (c *Client) send(signed *http.Request, asked request) (status int, answer []byte, err error) {
	waits := cmp.Or(c.waits, &usual)
	longest := waits.answer
	if asked.kind == copying {
		longest = waits.copied
	}
	ctx, cancel := context.WithCancelCause(signed.Context())
	defer cancel(nil)
	silence := time.AfterFunc(longest, func() { cancel(fmt.Errorf("%w for %s", errSilent, longest)) })
	defer silence.Stop()
	defer func() {
		if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
			err = cause
		}
	}()
	response, err := http.DefaultClient.Do(signed.WithContext(ctx))
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	var read bytes.Buffer
	for {
		silence.Reset(longest)
		_, err := io.CopyN(&read, response.Body, 64<<10)
		switch {
		case errors.Is(err, io.EOF):
			return response.StatusCode, read.Bytes(), nil
		case err != nil:
			return 0, nil, err
		case read.Len() > longestAnswer:
			return 0, nil, fmt.Errorf("it answers with more than %d bytes", longestAnswer)
		}
	}
}

func (c *Client) signed(ctx context.Context, asked request) (*http.Request, error) {
	address, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, err
	}
	path := "/" + asked.key
	if c.VirtualHost {
		address.Host = c.Bucket + "." + address.Host
	} else {
		path = "/" + c.Bucket + path
	}
	address.Path, address.RawQuery = path, asked.query.Encode()
	unsigned, err := http.NewRequestWithContext(ctx, asked.method, address.String(), bytes.NewReader(asked.body))
	if err != nil {
		return nil, err
	}
	for name, values := range asked.header {
		unsigned.Header[name] = values
	}
	sum := sha256.Sum256(asked.body)
	digest := hex.EncodeToString(sum[:])
	unsigned.Header.Set("X-Amz-Content-Sha256", digest)
	if asked.kind == deletion {
		sum := md5.Sum(asked.body) //nolint:gosec // see above
		unsigned.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	keys := aws.Credentials{AccessKeyID: c.AccessKey, SecretAccessKey: c.SecretKey}
	return unsigned, signer.SignHTTP(ctx, keys, unsigned, digest, "s3", c.Region, time.Now())
}
