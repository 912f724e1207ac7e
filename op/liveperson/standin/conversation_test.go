package standin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
)

// says has a consumer write and gives the status and the internal error code.
func (b *brand) says(conversation, token, text string) (int, any) {
	b.t.Helper()
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		b.t.Fatal(err)
	}
	response, answer := b.call(http.MethodPost, messagesPath(conversation), "jwt "+token, string(body))
	return response.StatusCode, answer["internalErrorCode"]
}

func messagesPath(conversation string) string {
	return "/api/account/" + account + "/conversations/" + conversation + "/messages"
}

// texts are what somebody reads, "status …" if they may not.
func (b *brand) texts(conversation, token string) []string {
	b.t.Helper()
	response, answer := b.call(http.MethodGet, messagesPath(conversation), "jwt "+token, "")
	if response.StatusCode != http.StatusOK {
		return []string{fmt.Sprint("status ", response.StatusCode)}
	}
	texts := []string{}
	for _, one := range answer["messages"].([]any) {
		message := one.(map[string]any)
		texts = append(texts, fmt.Sprintf("%s: %s", message["by"], message["text"]))
	}
	return texts
}

// tokenOf is a token of somebody that was issued at the cloud's time.
func (b *brand) tokenOf(sub string) string {
	b.t.Helper()
	claims := b.goodClaims()
	at := now.Add(time.Duration(b.later.Load())).Unix()
	claims["sub"], claims["iat"], claims["exp"] = sub, at, at+600
	return b.token(claims)
}

// After the token has expired the consumer is refused until they bring a fresh
// one; the agent notices nothing.
//
//contract:2.7-agent
func TestExpiryInMidConversation(t *testing.T) {
	t.Parallel()
	b := newBrand(t, nil)
	begun, _, _ := b.exchange("implicit", map[string]string{"id_token": b.tokenOf(subject)})
	if status, _ := b.says(begun.ID, begun.ConsumerToken, "Hello"); status != http.StatusCreated {
		t.Fatalf("status %d", status)
	}
	b.later.Store(int64(600 * time.Second))
	if status, code := b.says(begun.ID, begun.ConsumerToken, "Still there?"); status != http.StatusUnauthorized || code != 9021.0 {
		t.Errorf("with an expired token: status %d, code %v", status, code)
	}
	if err := b.cloud.AgentWrites(begun.ID, "How can I help?"); err != nil {
		t.Error(err)
	}
	for name, brought := range map[string]map[string]string{
		"another consumer's token": {"id_token": b.tokenOf("somebody else"), "conversationId": begun.ID},
		"no such conversation":     {"id_token": b.tokenOf(subject), "conversationId": "x"},
	} {
		refused, response, _ := b.exchange("implicit", brought)
		if refused.Refusal == nil || refused.ID == begun.ID || refused.ConsumerToken != "" || refused.Consumer != nil || response.StatusCode < 400 {
			t.Errorf("%s: %+v", name, refused)
		}
		if diff := cmp.Diff([]string{"conversation"}, failed(refused)); diff != "" {
			t.Errorf("%s: failed checks (-want +got):\n%s", name, diff)
		}
	}
	// The page's method is called again, or the external window redirected.
	session := b.visit("")
	request, _ := b.launchFor("implicit", session, begun.ID)
	renewed := begun
	for renewals, brought := range []map[string]string{
		{"id_token": b.tokenOf(subject), "conversationId": begun.ID},
		{"id_token": b.tokenOf(subject), "state": request.Get("state")},
	} {
		renewed, _, _ = b.exchange("implicit", brought)
		if renewed.ID != begun.ID || renewed.Renewals != renewals+1 || renewed.SteppedUp || !renewed.Began.Equal(begun.Began) ||
			!renewed.Expires.Equal(now.Add(20*time.Minute)) || outcomes(renewed)["conversation"] != standin.Passed {
			t.Errorf("renewed: %+v", renewed)
		}
	}
	if status, _ := b.says(begun.ID, renewed.ConsumerToken, "Here I am"); status != http.StatusCreated {
		t.Errorf("with a fresh token: status %d", status)
	}
	want := []string{"consumer: Hello", "agent: How can I help?", "consumer: Here I am"}
	if diff := cmp.Diff(want, b.texts(begun.ID, renewed.ConsumerToken)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if len(begun.Messages) != 0 {
		t.Error("a conversation that was handed out has changed")
	}
}

// A conversation that was begun anonymously goes on as the consumer who has
// signed in; after that the anonymous one sees nothing of it.
//
//contract:6.5-step-up
func TestStepUp(t *testing.T) {
	t.Parallel()
	b := newBrand(t, nil)
	authorize := "/api/account/" + account + "/anonymous/authorize"
	_, answer := b.post(authorize, "")
	anonymous := answer["token"].(string)
	begun, _, _ := b.exchange(standin.AnonymousConnector, map[string]string{"id_token": anonymous})
	if status, _ := b.says(begun.ID, begun.ConsumerToken, "What is my balance?"); status != http.StatusCreated {
		t.Fatalf("status %d", status)
	}
	if diff := cmp.Diff([]string{"consumer: What is my balance?"}, b.texts(begun.ID, begun.ConsumerToken)); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	stepped, _, _ := b.exchange("implicit", map[string]string{"id_token": b.tokenOf(subject), "conversationId": begun.ID})
	if stepped.ID != begun.ID || !stepped.SteppedUp || !stepped.Consumer.Verified || stepped.Way != standin.Embedded {
		t.Fatalf("stepped up: %+v", stepped)
	}
	want := []string{"consumer: What is my balance?"}
	if diff := cmp.Diff(want, b.texts(begun.ID, stepped.ConsumerToken)); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"status 403"}, b.texts(begun.ID, begun.ConsumerToken)); diff != "" {
		t.Errorf("signed out (-want +got):\n%s", diff)
	}
	if status, code := b.says(begun.ID, begun.ConsumerToken, "Me again"); status != http.StatusForbidden || code != 9022.0 {
		t.Errorf("the anonymous one writes: status %d, code %v", status, code)
	}
	for name, again := range map[string]string{"anonymous": standin.AnonymousConnector, "another": "implicit"} {
		token := anonymous
		if name == "another" {
			token = b.tokenOf("somebody else")
		}
		response, answer := b.post("/api/account/"+account+"/app/"+again+"/authenticate?v=3.0", `{"id_token":"`+token+`","conversationId":"`+begun.ID+`"}`)
		if response.StatusCode != http.StatusForbidden || answer["token"] != nil {
			t.Errorf("%s takes the conversation: status %d, %v", name, response.StatusCode, answer)
		}
	}
}

func TestMessagesRefused(t *testing.T) {
	t.Parallel()
	b := newBrand(t, nil)
	mine, _, _ := b.exchange("implicit", map[string]string{"id_token": b.tokenOf(subject)})
	other, _, _ := b.exchange("implicit", map[string]string{"id_token": b.tokenOf("somebody else")})
	refused, _, _ := b.exchange("implicit", map[string]string{"id_token": "x"})
	_, answer := b.post("/api/account/"+account+"/anonymous/authorize", "")
	for name, test := range map[string]struct {
		conversation, authorization, body string
		status                            int
	}{
		"no token":          {mine.ID, "", `{"text":"x"}`, http.StatusUnauthorized},
		"Bearer":            {mine.ID, "Bearer " + mine.ConsumerToken, `{"text":"x"}`, http.StatusUnauthorized},
		"brand's token":     {mine.ID, "jwt " + b.tokenOf(subject), `{"text":"x"}`, http.StatusUnauthorized},
		"external token":    {mine.ID, "jwt " + answer["token"].(string), `{"text":"x"}`, http.StatusUnauthorized},
		"another's":         {mine.ID, "jwt " + other.ConsumerToken, `{"text":"x"}`, http.StatusForbidden},
		"no conversation":   {"x", "jwt " + mine.ConsumerToken, `{"text":"x"}`, http.StatusNotFound},
		"refused attempt":   {refused.ID, "jwt " + mine.ConsumerToken, `{"text":"x"}`, http.StatusNotFound},
		"no text":           {mine.ID, "jwt " + mine.ConsumerToken, `{"text":" "}`, http.StatusBadRequest},
		"not JSON":          {mine.ID, "jwt " + mine.ConsumerToken, `x`, http.StatusBadRequest},
		"in lower, no text": {mine.ID, "JWT " + mine.ConsumerToken, ``, http.StatusBadRequest},
	} {
		response, answer := b.call(http.MethodPost, messagesPath(test.conversation), test.authorization, test.body)
		if response.StatusCode != test.status || answer["internalErrorCode"] == nil {
			t.Errorf("%s: status %d, %v", name, response.StatusCode, answer)
		}
	}
	for conversation, want := range map[string]string{refused.ID: "status 404", "x": "status 404", other.ID: "status 403"} {
		if diff := cmp.Diff([]string{want}, b.texts(conversation, mine.ConsumerToken)); diff != "" {
			t.Errorf("reading (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff([]string{"status 401"}, b.texts(mine.ID, "x")); diff != "" {
		t.Errorf("reading without a token (-want +got):\n%s", diff)
	}
	if err := b.cloud.End(mine.ID); err != nil {
		t.Fatal(err)
	}
	if status, _ := b.says(mine.ID, mine.ConsumerToken, "x"); status != http.StatusNotFound {
		t.Errorf("writing after the end: status %d", status)
	}
	if b.cloud.End(mine.ID) == nil || b.cloud.AgentWrites(mine.ID, "x") == nil || b.cloud.AgentWrites("x", "x") == nil {
		t.Error("what has ended goes on")
	}
	again, _, _ := b.exchange("implicit", map[string]string{"id_token": b.tokenOf(subject), "conversationId": mine.ID})
	if again.Refusal == nil {
		t.Error("a fresh token for what has ended")
	}
}

// An anonymous consumer's tokens are good for ten minutes, and can be renewed for
// 730 hours.
//
//contract:6.1-age
func TestAnonymousTokensAge(t *testing.T) {
	t.Parallel()
	b := newBrand(t, nil)
	authorize := "/api/account/" + account + "/anonymous/authorize"
	_, answer := b.post(authorize, "{}")
	first := answer["token"].(string)
	begun, _, _ := b.exchange(standin.AnonymousConnector, map[string]string{"id_token": first})
	b.later.Store(int64(10 * time.Minute))
	if response, _ := b.post("/api/account/"+account+"/app/"+standin.AnonymousConnector+"/authenticate?v=3.0", `{"id_token":"`+first+`"}`); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("an expired token: status %d", response.StatusCode)
	}
	_, answer = b.post(authorize, `{"id_token":"`+first+`"}`)
	second := answer["token"].(string)
	if second == first {
		t.Error("the same token again")
	}
	if _, answer = b.post(authorize, `{"id_token":"`+first+`"}`); answer["token"] == second {
		t.Error("two tokens of one second are the same")
	}
	_, answer = b.post(authorize, "")
	stranger := `{"id_token":"` + answer["token"].(string) + `","conversationId":"` + begun.ID + `"}`
	if response, _ := b.post("/api/account/"+account+"/app/"+standin.AnonymousConnector+"/authenticate?v=3.0", stranger); response.StatusCode != http.StatusForbidden {
		t.Errorf("another anonymous consumer takes the conversation: status %d", response.StatusCode)
	}
	again, _, _ := b.exchange(standin.AnonymousConnector, map[string]string{"id_token": second, "conversationId": begun.ID})
	if again.ID != begun.ID || again.Renewals != 1 || again.SteppedUp || again.Consumer.ID != begun.Consumer.ID {
		t.Errorf("renewed: %+v", again)
	}
	b.later.Store(int64(730 * time.Hour))
	for _, old := range []string{first, second} {
		if response, _ := b.post(authorize, `{"id_token":"`+old+`"}`); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("renewed after 730 hours: status %d", response.StatusCode)
		}
	}
}

// The agent sees what the token says as verified, and what the page says apart
// from it.
//
//contract:1.3-gender 1.3-phone-number-imei 1.3-preferred-username 1.3-sub
func TestAgentsView(t *testing.T) {
	t.Parallel()
	b := newBrand(t, func(c *standin.Connector) {
		if c.ID == "code" {
			c.CodeFlow, c.PhoneNumber = false, liveperson.PhoneNumberIMEI
		}
	})
	_, answer := b.post("/api/account/"+account+"/app/tag/engagement?v=1.1", `{"engagementAttributes":[
		{"type":"cart","total":1},{"type":"ctmrinfo","info":{"ctype":"gold"}},"x",{"type":"personal","personal":{"firstname":"Mallory"}}]}`)
	session := answer["sessionId"].(string)
	claims := b.goodClaims()
	delete(claims, "lp_sdes")
	claims["gender"], claims["preferred_username"] = "female", "amy"
	attempt, _, _ := b.exchange("code", map[string]string{"id_token": b.token(claims), "sessionId": session})
	got := attempt.Consumer
	if got.Personal.FirstName != "Amelia" || got.Personal.Gender != "FEMALE" || got.Customer.UserName != "amy" || got.Customer.CType != "" ||
		got.Customer.IMEI != "+441632960000" || got.Customer.CustomerID != subject || len(got.Personal.Contacts) != 1 {
		t.Errorf("the agent sees %+v", got)
	}
	if len(attempt.PageSDEs) != 2 || attempt.PageSDEs[0].Info.CType != "gold" || attempt.PageSDEs[1].Personal.FirstName != "Mallory" {
		t.Errorf("of the page: %+v", attempt.PageSDEs)
	}
	for claim, want := range map[string]string{"male": "MALE", "nonbinary": "OTHER", "": ""} {
		claims["gender"] = claim
		attempt, _, _ = b.exchange("implicit", map[string]string{"id_token": b.token(claims)})
		if attempt.Consumer.Personal.Gender != want {
			t.Errorf("gender %q is shown as %q", claim, attempt.Consumer.Personal.Gender)
		}
	}
	_, answer = b.post("/api/account/"+account+"/anonymous/authorize", "")
	anonymous, _, _ := b.exchange(standin.AnonymousConnector, map[string]string{"id_token": answer["token"].(string), "sessionId": session})
	if anonymous.Consumer.Verified || anonymous.Consumer.Customer.CType != "" || len(anonymous.PageSDEs) != 2 {
		t.Errorf("anonymous: %+v", anonymous)
	}
	for sub, noted := range map[string]bool{"amelia@brand.example": true, "+44 1632 960000": true, "1001": true, subject: false} {
		claims["sub"] = sub
		attempt, _, _ := b.exchange("implicit", map[string]string{"id_token": b.token(claims)})
		for _, check := range attempt.Checks {
			if check.Name == "sub" && (check.Outcome != standin.Passed || (check.Reason != "sub is there") != noted) {
				t.Errorf("%s: %s: %s", sub, check.Outcome, check.Reason)
			}
		}
	}
}
