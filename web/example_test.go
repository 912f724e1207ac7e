package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web"
)

func ExampleNewPages() {
	pages, err := web.NewPages(web.Brand{Name: "Brand", PrimaryColor: "#0b6e4f"}, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/assets/", pages.Assets())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		pages.Error(w, r, op.ErrorPage{Status: http.StatusNotFound, Code: "not_found"})
	})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/nowhere", nil)
	r.Header.Set("Accept-Language", "fr-CH, en;q=0.5")
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("Content-Language"))
	// Output: 404 fr
}
