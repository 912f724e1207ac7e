// The brand's own backend in Go, without dependencies: it knows who is signed in, and fetches the ID token with which they chat.
//
//	ORIGIN=http://localhost:8081 IDP=https://id.brand.example IDP_CLIENT=messaging IDP_API_KEY=idp_k_… go run .
package main

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

var sessions sync.Map // of what is asked for, by cookie: stands for the sessions that you have

func login(w http.ResponseWriter, r *http.Request) { // stands for the login that you have, which asks for more than a number
	ask, _ := json.Marshal(map[string]any{"client_id": os.Getenv("IDP_CLIENT"), "external_id": r.PostFormValue("customer"), "auth_time": time.Now()})
	id := rand.Text()
	sessions.Store(id, string(ask))
	http.SetCookie(w, &http.Cookie{Name: "session", Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func chatToken(w http.ResponseWriter, r *http.Request) {
	ask := ""
	for _, cookie := range r.CookiesNamed("session") {
		found, _ := sessions.Load(cookie.Value)
		ask, _ = found.(string)
	}
	if ask == "" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	request, _ := http.NewRequestWithContext(r.Context(), http.MethodPost, os.Getenv("IDP")+"/api/v1/engagements/token", strings.NewReader(ask))
	request.Header = http.Header{"Authorization": {"Bearer " + os.Getenv("IDP_API_KEY")}, "Content-Type": {"application/json"}}
	got, err := (&http.Client{Timeout: 5 * time.Second}).Do(request)
	if err == nil {
		defer got.Body.Close()
	}
	if err != nil || got.StatusCode != http.StatusOK {
		log.Printf("engagements/token: %v %v", got, err)
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.Copy(w, got.Body)
}

func main() {
	http.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "../page.html") })
	http.HandleFunc("POST /login", login)
	http.HandleFunc("POST /chat-token", chatToken)
	protected := http.NewCrossOriginProtection().Handler(http.DefaultServeMux) // refuses another site's page
	log.Fatal((&http.Server{Addr: strings.TrimPrefix(os.Getenv("ORIGIN"), "http://"), Handler: protected, ReadHeaderTimeout: 5 * time.Second}).ListenAndServe())
}
