// Package bucket looks after the artifacts of a registry whose storage is a folder of a bucket of S3: it tells what is
// there, frees what no manifest names, and empties the folder.
package bucket

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
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

	// waits are other ones in tests.
	waits *waits
}

// Object is what a listing tells of an object.
type Object struct {
	// Key is below the folder.
	Key      string
	Size     int64
	Modified time.Time
}

// mostDeleted is what S3 deletes by one request.
const mostDeleted = 1000

// Get reads a small object.
func (c *Client) Get(ctx context.Context, key string) ([]byte, error) {
	return c.ask(ctx, request{kind: reading, method: http.MethodGet, key: c.full(key)})
}

// Put writes a small object.
func (c *Client) Put(ctx context.Context, key string, content []byte) error {
	_, err := c.ask(ctx, request{kind: writing, method: http.MethodPut, key: c.full(key), body: content})
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

// notDeleted is what S3 says of an object that it was to delete.
type notDeleted struct{ Key, Code, Message string }

// deleteSome deletes as many as one request takes. What S3 was too busy for is asked for again.
func (c *Client) deleteSome(ctx context.Context, keys []string) error {
	left := make([]string, len(keys))
	for i, key := range keys {
		left[i] = c.full(key)
	}
	return c.again(ctx, func() (bool, error) {
		failed, err := c.deleteOnce(ctx, left)
		if err != nil || len(failed) == 0 {
			return false, err
		}
		again := true
		var named []string
		for _, one := range failed {
			named = append(named, one.Key)
			again = again && isPassing(http.StatusOK, one.Code)
		}
		// An answer does not say what is deleted, only what of it is left; where it names something else, all of it may be.
		if !slices.ContainsFunc(named, func(key string) bool { return !slices.Contains(left, key) }) {
			left = named
		}
		return again, fmt.Errorf("S3 did not delete %d objects; the first is %s: %s %s%s", len(failed), failed[0].Key, failed[0].Code, failed[0].Message, c.advice(failed[0].Code, deletion))
	})
}

func (c *Client) deleteOnce(ctx context.Context, keys []string) ([]notDeleted, error) {
	type object struct{ Key string }
	asked := struct {
		XMLName xml.Name `xml:"Delete"`
		Quiet   bool
		Object  []object
	}{Quiet: true}
	for _, key := range keys {
		asked.Object = append(asked.Object, object{key})
	}
	body, err := xml.Marshal(asked)
	if err != nil {
		return nil, err
	}
	var result struct {
		Error []notDeleted
	}
	err = c.askFor(ctx, request{kind: deletion, method: http.MethodPost, query: url.Values{"delete": {""}}, body: body}, &result)
	return slices.DeleteFunc(result.Error, func(one notDeleted) bool { return one.Code == noSuchKey }), err
}

// List visits the objects whose keys begin so.
func (c *Client) List(ctx context.Context, prefix string, visit func(Object) error) error {
	query := url.Values{"list-type": {"2"}, "prefix": {c.full(prefix)}}
	for {
		var page struct {
			Contents []struct {
				Key          string
				Size         int64
				LastModified time.Time
			}
			IsTruncated           bool
			NextContinuationToken string
		}
		if err := c.askFor(ctx, request{kind: listing, method: http.MethodGet, query: query}, &page); err != nil {
			return err
		}
		for _, one := range page.Contents {
			key, is := strings.CutPrefix(one.Key, c.full(""))
			if !is {
				return fmt.Errorf("S3 lists %s, which was not asked for", one.Key)
			}
			if one.LastModified.IsZero() {
				return fmt.Errorf("S3 lists %s without LastModified, so nobody knows how old it is", one.Key)
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
