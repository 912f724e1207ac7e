package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
)

const (
	tagClients = "Clients"
	kindClient = "client"
)

// ClientPath names a client in a path.
type ClientPath struct {
	ClientID string `path:"client_id" pattern:"^[A-Za-z0-9._~-]{1,255}$"`
}

type clientInput struct {
	ClientPath
	Conditions

	RawBody []byte
}

func (a *API) registerClients() {
	read, write := op.ScopeClientsRead, op.ScopeClientsWrite
	const (
		path = "/clients/{client_id}"
		own  = "Scopes of this API are given to a client only by those who have them."
	)
	missing := []int{http.StatusNotFound}
	changing := []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed}
	register(a, operation{
		ID: "list-clients", Method: http.MethodGet, Path: "/clients", Tag: tagClients, Scope: read, Summary: "Page through all clients",
	}, a.listClients)
	register(a, operation{
		ID: "get-client", Method: http.MethodGet, Path: path, Tag: tagClients, Scope: read, Narrowable: true, Errors: missing,
		Summary: "Read a client",
	}, func(ctx context.Context, in *ClientPath) (*clientAnswer, error) {
		c, err := a.findClient(ctx, in.ClientID)
		if err != nil {
			return nil, err
		}
		callOf(ctx).target = target{kindClient, c.ClientID}
		return answerClient(c), nil
	})
	register(a, operation{
		ID: "put-client", Method: http.MethodPut, Path: path, Tag: tagClients, Scope: write, Also: http.StatusCreated, Errors: changing[1:],
		Summary: "Make or replace a client",
		Description: "What is sent is complete, by the names and rules of the brand file: a field that is left out has its default. A secret is made for " +
			"a client that needs one and has none, and a signing key of its own for a connector. " + own,
		Body: reflect.TypeFor[clientToWrite](),
	}, func(ctx context.Context, in *clientInput) (*clientAnswer, error) {
		return a.editClient(ctx, in.ClientID, in.Conditions, func(*storage.Client) (*brandfile.ClientEntry, error) {
			return checked(brandfile.ReadClient(in.ClientID, in.RawBody, a.brandOptions()))
		})
	})
	register(a, operation{
		ID: "patch-client", Method: http.MethodPatch, Path: path, Tag: tagClients, Scope: write, Narrowable: true, Errors: changing,
		Summary: "Change fields of a client", Description: "JSON Merge Patch (RFC 7396): null takes a field away, so that it has its default. " + own,
		Body: reflect.TypeFor[map[string]any](), MediaTypes: []string{mediaPatch, mediaJSON},
	}, func(ctx context.Context, in *clientInput) (*clientAnswer, error) {
		return a.editClient(ctx, in.ClientID, in.Conditions, func(there *storage.Client) (*brandfile.ClientEntry, error) {
			if there == nil {
				return nil, errNoClient
			}
			return checked(brandfile.EditClient(there, in.RawBody, a.brandOptions()))
		})
	})
	register(a, operation{
		ID: "delete-client", Method: http.MethodDelete, Path: path, Tag: tagClients, Scope: write, Errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
		Summary: "Remove a client with its keys, codes and tokens",
	}, a.deleteClient)
}

// checked has faults be an error.
func checked(entry *brandfile.ClientEntry, faults brandfile.Faults) (*brandfile.ClientEntry, error) {
	if faults != nil {
		return nil, faults
	}
	return entry, nil
}

func (a *API) brandOptions() brandfile.Options { return brandfile.Options{Issuer: a.provider.Issuer()} }

type clientPage struct {
	Clients []client `json:"clients"`
	Next    string   `doc:"cursor of the next page; absent at the end" json:"next_cursor,omitempty"`
}

func (a *API) listClients(ctx context.Context, in *struct {
	Limit  int    `default:"100"  maximum:"1000"                       minimum:"1"    query:"limit"`
	Cursor string `maxLength:"32" doc:"next_cursor of the page before" query:"cursor"`
},
) (*struct{ Body clientPage }, error) {
	callOf(ctx).target = target{kindClient, ""}
	after, err := readCursor(in.Cursor)
	if err != nil {
		return nil, problem(http.StatusBadRequest, detailFaults, Fault{Parameter: "cursor", Detail: "must be the next_cursor of a page"})
	}
	clients, err := a.provider.Store().ClientPage(ctx, after, in.Limit+1) // one more tells whether there is a next page
	if err != nil {
		return nil, err
	}
	page := clientPage{Clients: []client{}}
	if len(clients) > in.Limit {
		clients = clients[:in.Limit]
		page.Next = cursorOf(clients[in.Limit-1].ID)
	}
	for _, c := range clients {
		page.Clients = append(page.Clients, viewClient(c))
	}
	return &struct{ Body clientPage }{page}, nil
}

func (a *API) deleteClient(ctx context.Context, in *struct {
	ClientPath
	Conditions
},
) (*struct{}, error) {
	return nil, named(brandfile.DeleteClient(ctx, a.provider.Store(), in.ClientID, brandfile.ClientWrite{
		Guard: func(there *storage.Client) error {
			if there != nil {
				if err := mayMake(callOf(ctx).caller, there); err != nil {
					return err
				}
			}
			return in.against(kindClient, clientTag(there))
		},
		Audit: a.audit(ctx, target{kindClient, in.ClientID}),
	}))
}
