package client_test

import (
	"fmt"
	"time"

	"github.com/brandidp/idp/web/api/client"
)

func ExampleClient_ListSessions() {
	signIn("listed")
	sessions, err := api.ListSessions(ctx, "listed")
	check(err)
	fmt.Println(len(sessions), sessions[0].ACR)
	// Output: 1 loa1
}

func ExampleClient_EndSessions() {
	signIn("everywhere")
	ended, err := api.EndSessions(ctx, "everywhere")
	check(err)
	fmt.Println(ended)
	// Output: 1
}

func ExampleClient_EndSession() {
	_, sid := signIn("ended")
	check(api.EndSession(ctx, "ended", sid))
	fmt.Println(api.EndSession(ctx, "ended", sid))
	// Output: 404 Not Found: there is no session of this name
}

func ExampleClient_GetSession() {
	_, sid := signIn("session")
	session, err := api.GetSession(ctx, sid)
	check(err)
	fmt.Println(session.Sub, session.LatestEnd != nil)
	// Output: session true
}

func ExampleClient_ExtendSession() {
	_, sid := signIn("extended")
	session, err := api.ExtendSession(ctx, sid, 48*time.Hour)
	check(err)
	fmt.Println(session.Sub, !session.EndsAt.After(*session.LatestEnd))
	// Output: extended true
}

func ExampleClient_DeleteSession() {
	_, sid := signIn("deleted")
	check(api.DeleteSession(ctx, sid))
	sessions, err := api.ListSessions(ctx, "deleted")
	check(err)
	fmt.Println(len(sessions))
	// Output: 0
}

func ExampleClient_ListGrants() {
	signIn("granted")
	grants, err := api.ListGrants(ctx, "granted")
	check(err)
	fmt.Println(grants[0].ClientName, grants[0].RefreshTokens[0].Scope, grants[0].RefreshTokens[0].Offline)
	// Output: The shop openid offline_access true
}

func ExampleClient_EndGrant() {
	signIn("forgotten")
	check(api.EndGrant(ctx, "forgotten", "shop"))
	grants, err := api.ListGrants(ctx, "forgotten")
	check(err)
	fmt.Println(len(grants))
	// Output: 0
}

func ExampleClient_GetLoginChallenge() {
	_, challenge := browser() // the brand's login is asked for with ?login_challenge=…
	asked, err := api.GetLoginChallenge(ctx, challenge)
	check(err)
	fmt.Println(asked.Client.ClientName, asked.Scopes)
	// Output: The shop [openid offline_access]
}

func ExampleClient_AcceptLoginChallenge() {
	browser, challenge := browser()
	next, err := api.AcceptLoginChallenge(ctx, challenge, &client.AcceptedLogin{
		ExternalID: "crm-5", Upsert: &client.ConsumerInput{Username: "bill"}, AMR: []string{"pwd", "otp"},
	})
	check(err)
	page := browser.Get(next.RedirectTo) // the brand's page answers with a redirect there
	fmt.Println(parameter(page, "code") != "")
	// Output: true
}

func ExampleClient_RejectLoginChallenge() {
	browser, challenge := browser()
	next, err := api.RejectLoginChallenge(ctx, challenge, "access_denied")
	check(err)
	page := browser.Get(next.RedirectTo)
	fmt.Println(parameter(page, "error"))
	// Output: access_denied
}

func ExampleClient_GetLogoutChallenge() {
	browser, _ := signIn("leaving")
	challenge := signOut(browser) // the brand's sign-out is asked for with ?logout_challenge=…
	asked, err := api.GetLogoutChallenge(ctx, challenge)
	check(err)
	fmt.Println(asked.ClientID, asked.Sub)
	// Output: shop leaving
}

func ExampleClient_AcceptLogoutChallenge() {
	browser, _ := signIn("left")
	next, err := api.AcceptLogoutChallenge(ctx, signOut(browser))
	check(err)
	page := browser.Get(next.RedirectTo)
	fmt.Println(page.Status)
	// Output: 200
}
