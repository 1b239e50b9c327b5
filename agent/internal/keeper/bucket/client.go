// Package bucket looks after the artifacts of a registry whose storage is a folder of a bucket of S3: it tells what is
// there, frees what no manifest names, and empties the folder.
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
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Client asks a bucket. Of the library of AWS it has the signatures alone: the agent is put beside each step, and has to be
// small.
type Client struct {
	// Endpoint is a URL without a path.
	Endpoint string
	Bucket   string
	Region   string
	// Folder is the root directory of the registry, without slashes around it.
	Folder string
	// VirtualHost puts the bucket into the name of the host.
	VirtualHost          bool
	AccessKey, SecretKey string
	// HTTP sends the requests; nil is one that waits for an answer as long as a copy within S3 may take.
	HTTP *http.Client
}

// Object is what a listing tells of an object.
type Object struct {
	// Key is below the folder.
	Key      string
	Size     int64
	Modified time.Time
}

const (
	// tries is how often a request is made that S3 could not answer.
	tries = 5
	// firstPause is doubled with each try.
	firstPause = 200 * time.Millisecond
	// longestAnswer is more than an error, or a page of a listing, has.
	longestAnswer = 16 << 20
	// answersWithin is as long as the registry is given, which asks the same S3.
	answersWithin = 5 * time.Minute
	// mostDeleted is what S3 deletes by one request.
	mostDeleted = 1000
)

// Get reads a small object.
func (c *Client) Get(ctx context.Context, key string) ([]byte, error) {
	return c.ask(ctx, request{method: http.MethodGet, key: c.full(key)})
}

// Put writes a small object.
func (c *Client) Put(ctx context.Context, key string, content []byte) error {
	_, err := c.ask(ctx, request{method: http.MethodPut, key: c.full(key), body: content})
	return err
}

// Delete deletes objects; those that are not there are no error.
func (c *Client) Delete(ctx context.Context, keys ...string) error {
	for len(keys) > 0 {
		some := keys[:min(len(keys), mostDeleted)]
		keys = keys[len(some):]
		if err := c.deleteSome(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) deleteSome(ctx context.Context, keys []string) error {
	type object struct{ Key string }
	asked := struct {
		XMLName xml.Name `xml:"Delete"`
		Quiet   bool
		Object  []object
	}{Quiet: true}
	for _, key := range keys {
		asked.Object = append(asked.Object, object{c.full(key)})
	}
	body, err := xml.Marshal(asked)
	if err != nil {
		return err
	}
	answer, err := c.ask(ctx, request{method: http.MethodPost, query: url.Values{"delete": {""}}, body: body})
	if err != nil {
		return err
	}
	var result struct {
		Error []struct{ Key, Code, Message string }
	}
	if err := xml.Unmarshal(answer, &result); err != nil {
		return fmt.Errorf("S3 answers a deletion with what is no XML: %w", err)
	}
	if len(result.Error) > 0 {
		first := result.Error[0]
		return fmt.Errorf("S3 did not delete %d objects; the first is %s: %s %s", len(result.Error), first.Key, first.Code, first.Message)
	}
	return nil
}

// List visits the objects whose keys begin so.
func (c *Client) List(ctx context.Context, prefix string, visit func(Object) error) error {
	query := url.Values{"list-type": {"2"}, "prefix": {c.full(prefix)}}
	for {
		answer, err := c.ask(ctx, request{method: http.MethodGet, query: query})
		if err != nil {
			return err
		}
		var page struct {
			Contents []struct {
				Key          string
				Size         int64
				LastModified time.Time
			}
			IsTruncated           bool
			NextContinuationToken string
		}
		if err := xml.Unmarshal(answer, &page); err != nil {
			return fmt.Errorf("S3 answers a listing with what is no XML: %w", err)
		}
		for _, one := range page.Contents {
			key, is := strings.CutPrefix(one.Key, c.full(""))
			if !is {
				return fmt.Errorf("S3 lists %s, which was not asked for", one.Key)
			}
			if err := visit(Object{key, one.Size, one.LastModified.UTC()}); err != nil {
				return err
			}
		}
		if !page.IsTruncated {
			return nil
		}
		if page.NextContinuationToken == query.Get("continuation-token") {
			return errors.New("S3 says that there are more objects, and not where: NextContinuationToken is empty or the one before")
		}
		query.Set("continuation-token", page.NextContinuationToken)
	}
}

func (c *Client) full(key string) string { return c.Folder + "/" + key }

// request is one of the API of S3.
type request struct {
	method string
	// key is that of the bucket.
	key    string
	query  url.Values
	header http.Header
	body   []byte
}

// ask asks until there is an answer, or it makes no sense any more. What is not there is fs.ErrNotExist.
func (c *Client) ask(ctx context.Context, asked request) ([]byte, error) {
	pause := firstPause
	for try := 1; ; try++ {
		answer, again, err := c.askOnce(ctx, asked)
		if err == nil || !again || try == tries {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
			pause *= 2
		}
	}
}

func (c *Client) askOnce(ctx context.Context, asked request) (answer []byte, again bool, err error) {
	signed, err := c.signed(ctx, asked)
	if err != nil {
		return nil, false, err
	}
	response, err := cmp.Or(c.HTTP, patient).Do(signed)
	if err != nil {
		return nil, ctx.Err() == nil, fmt.Errorf("S3 does not answer: %w", err)
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	if err != nil {
		return nil, ctx.Err() == nil, fmt.Errorf("S3 does not answer: %w", err)
	}
	if response.StatusCode == http.StatusNotFound && codeOf(answer) != "NoSuchBucket" {
		return nil, false, fs.ErrNotExist
	}
	// A copy may fail after its answer has begun with 200: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
	if code := codeOf(answer); response.StatusCode/100 != 2 || asked.header.Get(copySource) != "" && code != "" {
		again := response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusOK
		return nil, again, fmt.Errorf("S3 answers %s %s with %d %s", asked.method, signed.URL.Path, response.StatusCode, code)
	}
	return answer, false, nil
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
	if asked.query.Has("delete") {
		sum := md5.Sum(asked.body) //nolint:gosec // see above
		unsigned.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	keys := aws.Credentials{AccessKeyID: c.AccessKey, SecretAccessKey: c.SecretKey}
	return unsigned, signer.SignHTTP(ctx, keys, unsigned, digest, "s3", c.Region, time.Now())
}

var patient = answering(answersWithin)

// answering gives up a server that takes requests and does not answer: else nobody would ever hear that it is waited for.
func answering(within time.Duration) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = within
	return &http.Client{Transport: transport}
}

// codeOf is the code of an error of S3; empty where an answer is none.
func codeOf(answer []byte) string {
	var found struct {
		XMLName xml.Name
		Code    string
	}
	if err := xml.Unmarshal(answer, &found); err != nil || found.XMLName.Local != "Error" {
		return ""
	}
	return found.Code
}

func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
