package web

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"strings"
)

// assetsPath is where the assets lie below the issuer's path.
const assetsPath = "/assets/"

var (
	//go:embed assets/style.css
	styleSheet string
	//go:embed assets/submit.js
	submitScript []byte
	//go:embed assets/web-message.js
	webMessageScript []byte
)

// asset is one file that pages refer to, prepared as the bytes of a response.
type asset struct {
	content   []byte
	mediaType string
	policy    string // Content-Security-Policy, "" for none
	hash      string // of the content, part of the address
}

// assets are the files by their name without the hash.
type assets map[string]asset

// add takes a file up under a name with one extension, as style.css.
func (a assets) add(name, mediaType, policy string, content []byte) {
	sum := sha256.Sum256(content)
	a[name] = asset{content: content, mediaType: mediaType, policy: policy, hash: hex.EncodeToString(sum[:8])}
}

// path is the address of a file below the issuer's path: /assets/style.0123.css.
func (a assets) path(name string) string {
	stem, extension, _ := strings.Cut(name, ".")
	return assetsPath + stem + "." + a[name].hash + "." + extension
}

// find looks a file up by the last part of its address. A known file with another hash
// is found but not current: during an upgrade a page of one instance asks the
// other for its stylesheet, and a slightly different one is better than none.
func (a assets) find(address string) (found asset, current, ok bool) {
	parts := strings.Split(address, ".")
	if len(parts) != 3 {
		return asset{}, false, false
	}
	found, ok = a[parts[0]+"."+parts[2]]
	return found, found.hash == parts[1], ok
}

// Assets serves the stylesheet, the script and the logo below /assets/, with
// the issuer's path before it or stripped off. What has its content's hash in
// its name is cached for a year.
func (p *Pages) Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		name, below := strings.CutPrefix(strings.TrimPrefix(r.URL.Path, p.base), assetsPath)
		found, current, ok := p.assets.find(name)
		if !below || !ok {
			header.Set("Cache-Control", "no-store")
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		header.Set("Cache-Control", "no-store")
		if current {
			header.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		header.Set("Content-Type", found.mediaType)
		if found.policy != "" {
			header.Set("Content-Security-Policy", found.policy)
		}
		_, _ = w.Write(found.content)
	})
}
