// Package demo holds the two sites of the demonstration that stand beside the
// provider: a brand's small site, and the pages of the stand-in for
// Conversational Cloud. It owns their words, looks and scripts, and the brand
// file that is applied.
//
// The brand's site is an ordinary relying party on libraries of its own: nothing
// here may reach into the provider, or be served to anything but this machine.
package demo

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
)

//go:embed html assets
var files embed.FS

// Addresses are where the three parties answer, each an origin such as
// http://localhost:8080.
type Addresses struct {
	Provider string // also the issuer
	Brand    string
	Cloud    string // the stand-in for Conversational Cloud
}

// page reads a page's template with the layout.
func page(name string) *template.Template {
	return template.Must(template.ParseFS(files, "html/layout.html", "html/"+name+".html"))
}

// view is what every page is drawn from.
type view struct {
	Site      string // brand or cloud: whose colours it has
	Title     string
	Addresses Addresses
	Page      any
}

// draw writes a page.
func draw(w http.ResponseWriter, status int, t *template.Template, v view) {
	var text strings.Builder
	if err := t.Execute(&text, v); err != nil {
		http.Error(w, "the page could not be drawn", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text.String()))
}

// assets serves the style sheet and scripts.
func assets() http.Handler {
	return http.StripPrefix("/assets/", http.FileServerFS(must(fs.Sub(files, "assets"))))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err) // of what is embedded
	}
	return value
}

// guarded keeps a site to its own name, so that no page elsewhere can pass for it
// by a name of its own that leads to this machine, and gives every answer the
// headers that all of them have.
func guarded(address, policy string, next http.Handler) (http.Handler, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("address of the demonstration: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != u.Host {
			http.Error(w, "this site answers to "+u.Host+" alone", http.StatusMisdirectedRequest)
			return
		}
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", policy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	}), nil
}
