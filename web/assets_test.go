package web

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testSVG = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [
<!ENTITY ns_svg "http://www.w3.org/2000/svg">
]>
<!-- drawn by a program -->
<svg xmlns="&ns_svg;" viewBox="0 0 1 1"/>`

// testLogo writes a logo and returns its path.
func testLogo(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "logo")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// testPages prepares pages below the issuer path base.
func testPages(t *testing.T, brand Brand, base string) *Pages {
	t.Helper()
	pages, err := NewPages(brand, base)
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func get(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestAssetsAreCachedByTheirContent(t *testing.T) {
	t.Parallel()
	pages := testPages(t, Brand{Logo: testLogo(t, testSVG)}, "/login")
	for name, mediaType := range map[string]string{
		"style.css": "text/css; charset=utf-8",
		"submit.js": "text/javascript; charset=utf-8",
		"logo.svg":  "image/svg+xml",
	} {
		address := pages.assets.path(name)
		for _, path := range []string{address, "/login" + address} {
			w := get(pages.Assets(), http.MethodGet, path)
			if w.Code != http.StatusOK || w.Body.Len() == 0 {
				t.Errorf("GET %s: status %d, %d bytes", path, w.Code, w.Body.Len())
			}
			for header, want := range map[string]string{
				"Content-Type":           mediaType,
				"Cache-Control":          "public, max-age=31536000, immutable",
				"X-Content-Type-Options": "nosniff",
			} {
				if got := w.Header().Get(header); got != want {
					t.Errorf("GET %s: %s is %q, want %q", path, header, got, want)
				}
			}
		}
	}
}

func TestLogoIsShutInASandbox(t *testing.T) {
	t.Parallel()
	pages := testPages(t, Brand{Logo: testLogo(t, testSVG)}, "")
	w := get(pages.Assets(), http.MethodGet, pages.assets.path("logo.svg"))
	if got, want := w.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'unsafe-inline'; sandbox"; got != want {
		t.Errorf("policy %q, want %q", got, want)
	}
}

// TestAssetOfAnotherRelease is what happens in the middle of an upgrade.
func TestAssetOfAnotherRelease(t *testing.T) {
	t.Parallel()
	w := get(testPages(t, Brand{}, "").Assets(), http.MethodGet, "/assets/style.0123456789abcdef.css")
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, Cache-Control %q; want 200, no-store", w.Code, w.Header().Get("Cache-Control"))
	}
}

func TestUnknownAssets(t *testing.T) {
	t.Parallel()
	handler := testPages(t, Brand{}, "/login").Assets()
	for _, path := range []string{
		"/", "/assets/", "/assets/style.css", "/assets/.x.", "/assets/style.x.js", "/assets/logo.x.svg",
		"/assets/../style.x.css", "/other/assets/style.x.css", "/assets/a/style.x.css", "/style.x.css", "/loginassets/style.x.css",
	} {
		w := get(handler, http.MethodGet, path)
		if w.Code != http.StatusNotFound || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("GET %s: status %d, Cache-Control %q; want 404, no-store", path, w.Code, w.Header().Get("Cache-Control"))
		}
	}
	w := get(handler, http.MethodPost, "/assets/style.x.css")
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: status %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestLogoTypes(t *testing.T) {
	t.Parallel()
	var pngFile, jpegFile bytes.Buffer
	pixel := image.NewGray(image.Rect(0, 0, 1, 1))
	if err := errors.Join(png.Encode(&pngFile, pixel), jpeg.Encode(&jpegFile, pixel, nil)); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"logo.png":  pngFile.String(),
		"logo.jpg":  jpegFile.String(),
		"logo.webp": "RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00",
		"logo.svg":  testSVG,
	} {
		if pages := testPages(t, Brand{Logo: testLogo(t, content)}, ""); pages.logo != name {
			t.Errorf("got %s, want %s", pages.logo, name)
		}
	}
}

func TestBrandsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		brand Brand
		is    error
		says  string
	}{
		"page as logo":    {Brand{Logo: testLogo(t, "<!doctype html><html><svg></svg></html>")}, errLogoType, "brand logo"},
		"XHTML as logo":   {Brand{Logo: testLogo(t, `<html xmlns="http://www.w3.org/1999/xhtml"/>`)}, errLogoType, "brand logo"},
		"text as logo":    {Brand{Logo: testLogo(t, "hello")}, errLogoType, "brand logo"},
		"empty logo":      {Brand{Logo: testLogo(t, "")}, errLogoType, "brand logo"},
		"GIF as logo":     {Brand{Logo: testLogo(t, "GIF89a")}, errLogoType, "brand logo"},
		"huge logo":       {Brand{Logo: testLogo(t, strings.Repeat(" ", maxLogo+1))}, errLogoSize, "524288 bytes"},
		"no such logo":    {Brand{Logo: "/no/such/file"}, fs.ErrNotExist, "brand logo"},
		"folder as logo":  {Brand{Logo: t.TempDir()}, nil, "brand logo"},
		"primary name":    {Brand{PrimaryColor: "red"}, errColor, `brand primary colour "red"`},
		"background hash": {Brand{BackgroundColor: "#12"}, errColor, `brand background colour "#12"`},
		"colour with css": {Brand{PrimaryColor: "#fff;}*{"}, errColor, "#rrggbb"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewPages(c.brand, "")
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v; want %v, saying %q", err, c.is, c.says)
			}
		})
	}
}
