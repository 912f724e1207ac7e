package main

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"fmt"
	"html/template"
)

var (
	//go:embed connectorpage/page.html
	connectorPageHTML string
	//go:embed connectorpage/style.css
	connectorPageCSS string
	//go:embed connectorpage/copy.js
	connectorPageJS string

	connectorPage = template.Must(template.New("page.html").Parse(connectorPageHTML))
)

// page is the settings as one HTML document that loads nothing. Its policy names
// its own style and script by their hashes and allows nothing else.
func (c *connectorSettings) page() ([]byte, error) {
	policy := fmt.Sprintf("default-src 'none'; base-uri 'none'; form-action 'none'; style-src '%s'; script-src '%s'",
		integrity(connectorPageCSS), integrity(connectorPageJS))

	var page bytes.Buffer

	err := connectorPage.Execute(&page, struct {
		*connectorSettings

		Policy string
		Style  template.HTML
		Script template.HTML
	}{
		c, policy,
		template.HTML("<style>" + connectorPageCSS + "</style>"),  //nolint:gosec // ours, byte for byte as it was hashed
		template.HTML("<script>" + connectorPageJS + "</script>"), //nolint:gosec // as above
	})
	if err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}

	return page.Bytes(), nil
}

// integrity is the hash of a style or script as a policy names it (CSP 3, 2.3.1).
func integrity(text string) string {
	sum := sha256.Sum256([]byte(text))

	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
