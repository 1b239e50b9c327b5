package bucket

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

const copySource = "X-Amz-Copy-Source"

// largestCopy is what S3 copies by one request, and largestPart how much of a larger one; tests make them less.
var largestCopy, largestPart int64 = 5 << 30, 1 << 30

// Copy copies an object within S3: its content does not come here.
func (c *Client) Copy(ctx context.Context, from Object, to string) error {
	if from.Size > largestCopy {
		return c.copyParts(ctx, from, to)
	}
	return c.copies(ctx, request{key: c.full(to), header: c.source(from)}, "CopyObjectResult", &struct{}{})
}

// copies asks for a copy of an object, or of a part. It may fail after its answer has begun with 200, and what was not copied must
// not be deleted: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (c *Client) copies(ctx context.Context, asked request, wanted string, into any) error {
	asked.kind, asked.method, asked.wanted = copying, http.MethodPut, wanted
	return c.askFor(ctx, asked, into)
}

func (c *Client) source(from Object) http.Header {
	source := url.URL{Path: c.Bucket + "/" + c.full(from.Key)}
	return http.Header{copySource: {source.EscapedPath()}}
}

// Move moves an object. False: there is none any more.
func (c *Client) Move(ctx context.Context, from Object, to string) (bool, error) {
	err := c.Copy(ctx, from, to)
	if isGone(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, c.Delete(ctx, from.Key)
}

type part struct {
	PartNumber int
	ETag       string
}

func (c *Client) copyParts(ctx context.Context, from Object, to string) (err error) {
	var begun struct{ UploadId string }
	err = c.askFor(ctx, request{kind: beginning, method: http.MethodPost, key: c.full(to), query: url.Values{"uploads": {""}}}, &begun)
	if err != nil {
		return err
	}
	if begun.UploadId == "" {
		return fmt.Errorf("S3 answers the begin of a copy to %s without an UploadId", c.full(to))
	}
	upload := url.Values{"uploadId": {begun.UploadId}}
	defer func() {
		if err == nil {
			return
		}
		// What it has takes space, and is in no listing.
		_, left := c.ask(context.WithoutCancel(ctx), request{kind: aborting, method: http.MethodDelete, key: c.full(to), query: upload})
		err = errors.Join(err, left)
	}()
	var parts []part
	for begin := int64(0); begin < from.Size; begin += largestPart {
		end := min(begin+largestPart, from.Size) - 1
		copied, err := c.copyPart(ctx, from, to, begun.UploadId, len(parts)+1, fmt.Sprintf("bytes=%d-%d", begin, end))
		if err != nil {
			return err
		}
		parts = append(parts, copied)
	}
	body, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Part    []part
	}{Part: parts})
	if err != nil {
		return err
	}
	return c.askFor(ctx, request{kind: completing, method: http.MethodPost, key: c.full(to), query: upload, body: body}, &struct{}{})
}

func (c *Client) copyPart(ctx context.Context, from Object, to, upload string, number int, bytes string) (part, error) {
	header := c.source(from)
	header.Set("X-Amz-Copy-Source-Range", bytes)
	query := url.Values{"partNumber": {strconv.Itoa(number)}, "uploadId": {upload}}
	copied := part{PartNumber: number}
	err := c.copies(ctx, request{key: c.full(to), query: query, header: header}, "CopyPartResult", &copied)
	return copied, err
}
