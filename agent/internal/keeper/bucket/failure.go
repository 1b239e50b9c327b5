package bucket

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
)

// kind is what a request is for: what S3 answers to it, and what the keys need for it.
type kind int

const (
	reading kind = iota
	writing
	copying
	deletion
	listing
	// A copy of many parts.
	beginning
	completing
	aborting
)

// kinds has what S3 answers to each, where it has to be XML, and the permission that it needs.
//
// See https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
var kinds = map[kind]struct{ does, answer, permission string }{
	reading:    {"reading", "", "s3:GetObject, and s3:ListBucket, without which S3 refuses also what is not there"},
	writing:    {"writing", "", "s3:PutObject"},
	copying:    {"the copy to", "", "s3:GetObject and s3:PutObject"},
	deletion:   {"a deletion", "DeleteResult", "s3:DeleteObject"},
	listing:    {"a listing of", "ListBucketResult", "s3:ListBucket"},
	beginning:  {"the begin of a copy to", "InitiateMultipartUploadResult", "s3:PutObject"},
	completing: {"the end of the copy to", "CompleteMultipartUploadResult", "s3:PutObject"},
	aborting:   {"giving up the copy to", "", "s3:AbortMultipartUpload"},
}

// String names a request in messages.
func (r request) String() string {
	about := r.key
	if r.kind == listing {
		about = r.query.Get("prefix")
	}
	if about == "" {
		return kinds[r.kind].does
	}
	return kinds[r.kind].does + " " + about
}

const noSuchKey = "NoSuchKey"

// passing are codes of what may succeed when it is asked for again, whatever status they come with.
//
// See https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
var passing = []string{"InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown", "ThrottlingException", "TooManyRequests"}

// isPassing says whether asking again makes sense. A 404 that names no code is that of a proxy whose S3 is away.
func isPassing(status int, code string) bool {
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout ||
		status == http.StatusNotFound && code == "" || slices.Contains(passing, code)
}

// advice says what to do about a failure of S3.
func (c *Client) advice(code string, asked kind) string {
	switch code {
	case "AccessDenied", "AllAccessDisabled", http.StatusText(http.StatusForbidden):
		return fmt.Sprintf(": the access key needs %s for bucket %s, folder %s", kinds[asked].permission, c.Bucket, c.Folder)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", http.StatusText(http.StatusUnauthorized):
		return ": correct accessKey and secretKey in the Secret of storage.s3.secretRef, then restart the registry"
	case "RequestTimeTooSkewed":
		return ": set the clock of the registry's node, or that of S3"
	case "NoSuchBucket":
		return fmt.Sprintf(": make bucket %s, or correct storage.s3.bucket", c.Bucket)
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return fmt.Sprintf(": correct storage.s3.region (%s) or storage.s3.endpoint (%s)", c.Region, c.Endpoint)
	case http.StatusText(http.StatusNotFound), http.StatusText(http.StatusMethodNotAllowed):
		return ": " + c.notS3()
	}
	return ""
}

func (c *Client) notS3() string {
	return fmt.Sprintf("what answers at %s is not S3, but perhaps a proxy before it", c.Endpoint)
}

// rootOf is the name of the first element of an answer, and the code where that is an error; empty where it is no XML.
func rootOf(answer []byte) (root, code string) {
	decoder := xml.NewDecoder(bytes.NewReader(answer))
	for {
		token, err := decoder.Token()
		if err != nil {
			return "", ""
		}
		start, is := token.(xml.StartElement)
		if !is {
			continue
		}
		if start.Name.Local == "Error" {
			var found struct{ Code string }
			if err := decoder.DecodeElement(&found, &start); err != nil {
				return "Error", ""
			}
			code = found.Code
		}
		return start.Name.Local, code
	}
}

// because is why a request was not answered, in words that are the same each time: those of the library have the request's address, the
// port of this end, and which of the servers behind a name it was.
func because(err error) error {
	var asked *url.Error
	var dns *net.DNSError
	var op *net.OpError
	var call *os.SyscallError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("the name %s is not known", dns.Name)
	case errors.As(err, &dns) && dns.IsTimeout:
		return fmt.Errorf("the name %s could not be looked up: i/o timeout", dns.Name)
	case errors.As(err, &dns):
		return fmt.Errorf("the name %s could not be looked up", dns.Name)
	case errors.As(err, &op) && errors.As(op.Err, &call):
		return fmt.Errorf("%s: %w", op.Op, call.Err)
	case errors.As(err, &op):
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	case errors.As(err, &asked):
		return asked.Err
	}
	return err
}

func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func ignoreGone(err error) error {
	if isGone(err) {
		return nil
	}
	return err
}
