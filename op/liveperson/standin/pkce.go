package standin

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
)

// PKCE is a proof key that the cloud has made for one request of a code
// (RFC 7636). Whoever asks the brand sends the challenge, and hands the sealed
// verifier back with the code: in clear it goes from the cloud to the brand's
// token endpoint alone.
type PKCE struct {
	Challenge string `json:"code_challenge"`
	Method    string `json:"code_challenge_method"` // S256
	// Verifier is sealed, and so longer than the 128 characters that one may have.
	Verifier string `json:"code_verifier"`
}

// verifierBytes make a verifier of 128 characters, the most of RFC 7636 4.1.
const verifierBytes = 96

// MakePKCE makes a proof key for a connector with PKCE. The error is a
// *RefusalError if the connector is not there or has none.
func (c *Cloud) MakePKCE(connectorID string) (PKCE, error) {
	connector, known := c.Connector(connectorID)
	if !known {
		return PKCE{}, errUnknownConnector
	}
	if !connector.proves() {
		return PKCE{}, &RefusalError{Status: http.StatusBadRequest, InternalErrorCode: codeMalformed, Message: "the connector has no PKCE"}
	}
	random := make([]byte, verifierBytes)
	if _, err := io.ReadFull(c.opts.Rand, random); err != nil {
		return PKCE{}, fmt.Errorf("make a code verifier: %w", err)
	}
	verifier := base64.RawURLEncoding.EncodeToString(random)
	sealed, err := c.sealed(sealedVerifier+" "+connector.ID, []byte(verifier))
	if err != nil {
		return PKCE{}, err
	}
	sum := sha256.Sum256([]byte(verifier))
	return PKCE{
		Challenge: base64.RawURLEncoding.EncodeToString(sum[:]), Method: "S256", Verifier: base64.RawURLEncoding.EncodeToString(sealed),
	}, nil
}

// proof answers a window or an app that is about to ask for a code.
func (c *Cloud) proof(w http.ResponseWriter, r *http.Request) {
	made, err := c.MakePKCE(r.PathValue("connector"))
	if err != nil {
		refuse(w, refusalOf(err))
		return
	}
	writeJSON(w, http.StatusOK, made)
}

// verifierOf opens the verifier that came with a code: "" for a connector without
// PKCE.
func (c *Cloud) verifierOf(connector Connector, sealed string) (string, *RefusalError) {
	if !connector.proves() {
		return "", nil
	}
	if sealed == "" {
		return "", &RefusalError{
			Status: http.StatusBadRequest, InternalErrorCode: codeVerifierMissing, Message: "the connector has PKCE, and the code came without its code_verifier",
		}
	}
	var verifier []byte
	data, err := base64.RawURLEncoding.DecodeString(sealed)
	if err == nil {
		verifier, err = c.opened(sealedVerifier+" "+connector.ID, data)
	}
	if err != nil {
		return "", &RefusalError{
			Status: http.StatusBadRequest, InternalErrorCode: codeVerifierForeign, Message: "code_verifier is not one that was sealed for this connector",
		}
	}
	return string(verifier), nil
}
