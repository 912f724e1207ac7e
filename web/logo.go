package web

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// maxLogo is the size of the largest logo in bytes. It is sent with the first
// page a person sees on a phone; half a megabyte is generous.
const maxLogo = 512 << 10

var (
	errLogoSize = fmt.Errorf("want at most %d bytes", maxLogo)
	errLogoType = errors.New("want a PNG, JPEG, WebP or SVG image")
)

// readLogo reads a brand's logo. What it is, its content decides: an extension
// would let a page of HTML in.
func readLogo(path string) (content []byte, mediaType, extension string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, "", "", fmt.Errorf("brand logo: %w", err)
	}
	defer file.Close() //nolint:errcheck // opened for reading
	content, err = io.ReadAll(io.LimitReader(file, maxLogo+1))
	if err != nil {
		return nil, "", "", fmt.Errorf("brand logo: %w", err)
	}
	if len(content) > maxLogo {
		return nil, "", "", fmt.Errorf("brand logo %s: %w", path, errLogoSize)
	}
	switch mediaType = http.DetectContentType(content); mediaType {
	case "image/png":
		return content, mediaType, "png", nil
	case "image/jpeg":
		return content, mediaType, "jpg", nil
	case "image/webp":
		return content, mediaType, "webp", nil
	}
	if isSVG(content) {
		return content, "image/svg+xml", "svg", nil
	}
	return nil, "", "", fmt.Errorf("brand logo %s: %w", path, errLogoType)
}

// isSVG reports whether the root element is an SVG one. It looks no deeper: the
// image is only ever shown inside a sandbox.
func isSVG(content []byte) bool {
	decoder := xml.NewDecoder(bytes.NewReader(content))
	decoder.Strict = false // drawing programs declare entities of their own
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		if root, ok := token.(xml.StartElement); ok {
			return root.Name.Local == "svg"
		}
	}
}
