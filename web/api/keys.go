package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

const (
	tagKeys = "Signing keys"
	kindKey = "key"
	ruleAlg = "must be the connector's own algorithm, or one that the provider's keys can have"
)

type keyList struct {
	Keys []keys.Status `json:"keys"`
}

type keyAnswer struct {
	Body keys.Status
}

// keyToMake is a key that somebody asks for.
type keyToMake struct {
	ClientID string `doc:"the connector whose tokens it signs; the provider's keys sign for all other clients" json:"client_id,omitempty"     maxLength:"255"`
	Alg      string `doc:"that of the connector, or RS256, if it is left out"                                  enum:"RS256,PS256,ES256,EdDSA" json:"alg,omitempty"`
}

// stepToMake is a step of a key's life.
type stepToMake struct {
	Step   string `doc:"activate retires the key that signed before"                                            enum:"publish,activate,retire,delete" json:"step"`
	Force  bool   `doc:"make it although it breaks somebody"                                                    json:"force,omitempty"`
	Pasted bool   `doc:"the connector that owns the key holds it by now, pasted: then activating breaks nobody" json:"pasted,omitempty"`
}

// KidPath names a signing key in a path.
type KidPath struct {
	Kid string `doc:"its beginning is enough if no other key has it" path:"kid" pattern:"^[!-~]{1,255}$"`
}

// exportedKey is a public key in every form that a relying party may want.
type exportedKey struct {
	Kid     string          `json:"kid"`
	Alg     string          `json:"alg"`
	OneLine string          `doc:"what is pasted into the connector's form as JWT Public Key" json:"one_line"`
	PEM     string          `json:"pem"`
	JWK     json.RawMessage `json:"jwk"`
}

// keyToImport is a private key that was made elsewhere.
type keyToImport struct {
	ClientID string `doc:"the connector whose tokens it is to sign; the provider's keys sign for all other clients"                     json:"client_id,omitempty"     maxLength:"255"`
	Alg      string `doc:"that of the connector, of the JWK, or what suits the key, if it is left out"                                  enum:"RS256,PS256,ES256,EdDSA" json:"alg,omitempty"`
	Kid      string `doc:"what relying parties know it by; if it is left out, that of the JWK, or the thumbprint of RFC 7638"           json:"kid,omitempty"           pattern:"^[!-~]{1,255}$"`
	Key      string `doc:"the private key: PEM, a JWK as a string, or DER (PKCS #1, PKCS #8, SEC 1) in base64; not encrypted by itself" json:"key"                     maxLength:"65536"        minLength:"1"`
}

// keyToRevoke is a key that has leaked.
type keyToRevoke struct {
	Compromised bool `doc:"somebody else may have the key; it has to be true" json:"compromised"`
}

func (a *API) registerKeys() {
	register(a, operation{
		ID: "list-keys", Method: http.MethodGet, Path: "/keys", Tag: tagKeys, Scope: op.ScopeKeysRead, Errors: []int{http.StatusNotFound},
		Summary: "Signing keys, and what may be done with each", Description: "Private keys are in no answer.",
	}, a.listKeys)
	register(a, operation{
		ID: "create-key", Method: http.MethodPost, Path: "/keys", Tag: tagKeys, Scope: op.ScopeKeysWrite, Status: http.StatusCreated, Errors: []int{http.StatusNotFound},
		Summary: "Make a signing key, which does nothing before it is published and activated",
	}, a.createKey)
	register(a, operation{
		ID: "step-key", Method: http.MethodPost, Path: "/keys/{kid}/steps", Tag: tagKeys, Scope: op.ScopeKeysWrite, Errors: []int{http.StatusNotFound},
		Summary:     "Make a step of a signing key's life",
		Description: "What would break a relying party is refused with 409, and the names of whom.",
	}, a.stepKey)
	register(a, operation{
		ID: "export-key", Method: http.MethodGet, Path: "/keys/{kid}/public", Tag: tagKeys, Scope: op.ScopeKeysRead,
		Errors: []int{http.StatusNotFound, http.StatusConflict}, Summary: "Read a public key as a relying party wants it",
		Description: "A deleted key, which nobody should hold, is 409.",
	}, a.exportKey)
	register(a, operation{
		ID: "import-key", Method: http.MethodPost, Path: "/keys/import", Tag: tagKeys, Scope: op.ScopeKeysImport, Status: http.StatusCreated,
		Errors:  []int{http.StatusNotFound},
		Summary: "Bring in a private key that was made elsewhere",
		Description: "It does nothing before it is published and activated: with pasted, if the connector holds it already. " +
			"It is sealed, and in no answer; of the request a keyed hash alone is kept under its Idempotency-Key.",
	}, a.importKey)
	register(a, operation{
		ID: "revoke-key", Method: http.MethodPost, Path: "/keys/{kid}/revoke", Tag: tagKeys, Scope: op.ScopeKeysWrite, Errors: []int{http.StatusNotFound},
		Summary: "End a key that has leaked, at once",
		Description: "It leaves the key sets, nothing that it has signed is accepted here, and if it signed, a new key signs in its place. " +
			"The answer says who has to paste what, and who may accept the leaked key until when.",
	}, a.revokeKey)
}

func (a *API) listKeys(ctx context.Context, in *struct {
	ClientID string `doc:"the connector whose keys are listed; all if it is left out" maxLength:"255" query:"client_id"`
	All      bool   `doc:"deleted keys, too"                                          query:"all"`
},
) (*struct{ Body keyList }, error) {
	callOf(ctx).target = target{kindKey, ""}
	snapshot, err := a.provider.Store().ReadSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	life, wanted := op.LifeOf(snapshot, a.provider.KeySettings()), int64(-1)
	if in.ClientID != "" {
		if wanted, _, err = life.Owner(in.ClientID, ""); err != nil {
			return nil, keyProblem(err)
		}
	}
	list := keyList{Keys: []keys.Status{}}
	for _, key := range snapshot.Keys {
		if (wanted < 0 || key.ClientID == wanted) && (in.All || key.State != keys.Deleted) {
			list.Keys = append(list.Keys, life.Status(key))
		}
	}
	return &struct{ Body keyList }{list}, nil
}

func (a *API) createKey(ctx context.Context, in *struct{ Body keyToMake }) (*keyAnswer, error) {
	var answer keyAnswer
	_, err := op.CreateKey(ctx, a.provider.Store(), op.NewKey{
		ClientID: in.Body.ClientID, Alg: in.Body.Alg, Make: a.provider.Makers().SigningKey, Audit: a.audit(ctx, target{kindKey, ""}),
		Settings: a.provider.KeySettings(), Once: a.onceForKey(ctx, http.StatusCreated, &answer),
	})
	if err != nil {
		return nil, keyProblem(err)
	}
	return &answer, nil
}

func (a *API) stepKey(ctx context.Context, in *struct {
	KidPath

	Body stepToMake
},
) (*keyAnswer, error) {
	var answer keyAnswer
	err := a.provider.StepKey(ctx, op.KeyStep{
		Step: keys.Step(in.Body.Step), Kid: in.Kid, Force: in.Body.Force, Pasted: in.Body.Pasted, Audit: a.audit(ctx, target{kindKey, in.Kid}),
		Once: a.onceForKey(ctx, http.StatusOK, &answer),
	})
	if err != nil {
		return nil, keyProblem(err)
	}
	return &answer, nil
}

func (a *API) exportKey(ctx context.Context, in *KidPath) (*struct{ Body exportedKey }, error) {
	snapshot, err := a.provider.Store().ReadSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	key, err := keys.Find(snapshot.Keys, in.Kid)
	if err != nil {
		return nil, keyProblem(err)
	}
	callOf(ctx).target = target{kindKey, key.Kid}
	if key.State == keys.Deleted {
		return nil, problem(http.StatusConflict, "the key is deleted: nobody should hold it")
	}
	exported := exportedKey{Kid: key.Kid, Alg: key.Alg, JWK: key.PublicJWK}
	if exported.OneLine, err = keys.OneLine(key.PublicJWK); err == nil {
		exported.PEM, err = keys.PEM(key.PublicJWK)
	}
	return &struct{ Body exportedKey }{exported}, err
}

// importKey opens no key that is encrypted by itself: what opens it would come by the same
// way, and whoever encrypted it says how much work that is.
func (a *API) importKey(ctx context.Context, in *struct{ Body keyToImport }) (*keyAnswer, error) {
	data := []byte(in.Body.Key)
	if der, err := base64.StdEncoding.DecodeString(in.Body.Key); err == nil {
		data = der
	}
	private, err := keys.ReadPrivate(data, func() (string, error) { return "", errors.New("must not be encrypted by itself") })
	if err != nil { // none of which quotes the key
		return nil, problem(http.StatusBadRequest, detailFaults, at("/key", err.Error()))
	}
	var answer keyAnswer
	_, err = op.CreateKey(ctx, a.provider.Store(), op.NewKey{
		ClientID: in.Body.ClientID, Alg: in.Body.Alg, Imported: private, Audit: a.audit(ctx, target{kindKey, ""}),
		Make:     func(alg string) (*storage.SigningKey, error) { return a.provider.SealKey(private, alg, in.Body.Kid) },
		Settings: a.provider.KeySettings(), Once: a.onceForKey(ctx, http.StatusCreated, &answer),
	})
	if errors.Is(err, keys.ErrOtherAlg) {
		return nil, problem(http.StatusBadRequest, detailFaults, at("/key", "must be a key for the algorithm"))
	}
	if err != nil {
		return nil, keyProblem(err)
	}
	return &answer, nil
}

func (a *API) revokeKey(ctx context.Context, in *struct {
	KidPath

	Body keyToRevoke
},
) (*struct{ Body op.RevokedStatus }, error) {
	if !in.Body.Compromised {
		return nil, problem(http.StatusBadRequest, detailFaults, at("/compromised", "must be true: this breaks whoever holds the key"))
	}
	var answer struct{ Body op.RevokedStatus }
	err := a.provider.RevokeKey(ctx, op.LeakedKey{
		Kid: in.Kid, Make: a.provider.Makers().SigningKey, Audit: a.audit(ctx, target{kindKey, in.Kid}),
		Status: &answer.Body, Claim: a.keeping(ctx, func() (int, http.Header, any) { return http.StatusOK, nil, answer.Body }),
	})
	if err != nil {
		return nil, keyProblem(err)
	}
	return &answer, nil
}

// onceForKey has a change happen once, and its answer kept.
func (a *API) onceForKey(ctx context.Context, status int, answer *keyAnswer) op.Once {
	return op.Once{Status: &answer.Body, Claim: a.keeping(ctx, func() (int, http.Header, any) { return status, nil, answer.Body })}
}

// keyProblem says what is wrong with a step, or with whose key is asked for.
func keyProblem(err error) error {
	if refused, ok := errors.AsType[*keys.RefusedError](err); ok {
		detail := refused.Error()
		if refused.Forcible() {
			detail += `; "force": true does it all the same`
		}
		p := problem(http.StatusConflict, detail)
		p.cause = err
		return p
	}
	switch {
	case errors.Is(err, keys.ErrShared):
		return problem(http.StatusBadRequest, "the client is no connector: "+keys.ErrShared.Error())
	case errors.Is(err, keys.ErrAlg):
		return problem(http.StatusBadRequest, detailFaults, at("/alg", ruleAlg))
	case errors.Is(err, keys.ErrAmbiguous):
		return problem(http.StatusConflict, "several keys have a kid that begins so")
	case errors.Is(err, storage.ErrConflict):
		p := problem(http.StatusConflict, "the key is here already, was here and is revoked, has the kid of another, or is changed by somebody else at the same time")
		p.cause = err
		return p
	case errors.Is(err, storage.ErrNotFound):
		return notFound("key, or no client,")
	}
	return err
}
