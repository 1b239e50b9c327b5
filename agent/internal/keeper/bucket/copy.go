package bucket

import (
	"context"
	"encoding/xml"
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
	_, err := c.ask(ctx, request{method: http.MethodPut, key: c.full(to), header: c.source(from)})
	return err
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
	answer, err := c.ask(ctx, request{method: http.MethodPost, key: c.full(to), query: url.Values{"uploads": {""}}})
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(answer, &begun); err != nil || begun.UploadId == "" {
		return fmt.Errorf("S3 answers the begin of a copy without an upload: %w", err)
	}
	defer func() {
		if err != nil {
			// What it has takes space, and is in no listing.
			query := url.Values{"uploadId": {begun.UploadId}}
			_, _ = c.ask(context.WithoutCancel(ctx), request{method: http.MethodDelete, key: c.full(to), query: query})
		}
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
	_, err = c.ask(ctx, request{method: http.MethodPost, key: c.full(to), query: url.Values{"uploadId": {begun.UploadId}}, body: body})
	return err
}

func (c *Client) copyPart(ctx context.Context, from Object, to, upload string, number int, bytes string) (part, error) {
	header := c.source(from)
	header.Set("X-Amz-Copy-Source-Range", bytes)
	query := url.Values{"partNumber": {strconv.Itoa(number)}, "uploadId": {upload}}
	answer, err := c.ask(ctx, request{method: http.MethodPut, key: c.full(to), query: query, header: header})
	if err != nil {
		return part{}, err
	}
	copied := part{PartNumber: number}
	if err := xml.Unmarshal(answer, &copied); err != nil {
		return part{}, fmt.Errorf("S3 answers the copy of a part with what is no XML: %w", err)
	}
	return copied, nil
}
