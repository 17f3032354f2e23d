// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve_test

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// calls are the methods that the table tries.
var calls = map[string]func(context.Context, *grpc.ClientConn) error{
	"Verify": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := retailerv1.NewRetailerServiceClient(conn).Verify(ctx, &retailerv1.VerifyRequest{})
		return err
	},
	"Redeem": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := retailerv1.NewRetailerServiceClient(conn).Redeem(ctx, &retailerv1.RedeemRequest{})
		return err
	},
	"Claim": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := retailerv1.NewRetailerServiceClient(conn).Claim(ctx, &retailerv1.ClaimRequest{})
		return err
	},
	"Void": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := retailerv1.NewRetailerServiceClient(conn).Void(ctx, &retailerv1.VoidRequest{})
		return err
	},
	"health": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		return err
	},
	"reflection": listServices,
}

func listServices(ctx context.Context, conn *grpc.ClientConn) error {
	stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
	}); err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

func TestWhoMayCallWhat(t *testing.T) {
	t.Parallel()
	organisations := append(servetest.Default(), config.Organisation{
		MSPID: "StoreMSP", Roles: []string{config.RoleIssuer, config.RoleRetailer},
	})
	consortium := servetest.New(t, organisations...)
	service := consortium.Serve(t, servetest.RetailerMSP, options(&handlers{}))
	const denied = codes.PermissionDenied
	tests := []struct {
		organisation, role, method string
		code                       codes.Code
		reason                     string
	}{
		{servetest.RetailerMSP, serve.RoleTill, "Verify", codes.OK, ""},
		{servetest.RetailerMSP, serve.RoleTill, "Redeem", codes.OK, ""},
		{servetest.RetailerMSP, serve.RoleOperator, "Verify", codes.OK, ""},
		{servetest.RetailerMSP, serve.RoleOperator, "Redeem", denied, "WRONG_ROLE"},
		{servetest.RetailerMSP, serve.RoleTill, "Claim", denied, "WRONG_ORGANISATION"},
		{servetest.RetailerMSP, serve.RoleService, "Claim", denied, "WRONG_ORGANISATION"},
		{servetest.RetailerMSP, serve.RoleTill, "reflection", codes.OK, ""},
		{servetest.AdvertiserMSP, serve.RoleTill, "Verify", denied, "WRONG_ORGANISATION"},
		{servetest.AdvertiserMSP, serve.RoleOperator, "Verify", denied, "WRONG_ORGANISATION"},
		{servetest.AdvertiserMSP, serve.RoleOperator, "reflection", denied, "WRONG_ORGANISATION"},
		{servetest.AdvertiserMSP, serve.RoleTill, "health", codes.OK, ""},
		{servetest.IssuerMSP, serve.RoleService, "Claim", codes.Unimplemented, ""},
		{servetest.IssuerMSP, serve.RoleAuditor, "Claim", denied, "WRONG_ROLE"},
		{"StoreMSP", serve.RoleService, "Claim", codes.Unimplemented, ""},
		{"StoreMSP", serve.RoleTill, "Redeem", denied, "WRONG_ORGANISATION"},
		{servetest.RetailerMSP, serve.RoleTill, "Void", denied, "WRONG_ORGANISATION"},
		{servetest.RetailerMSP, serve.RoleService, "Void", denied, "WRONG_ORGANISATION"},
	}
	for _, test := range tests {
		t.Run(test.role+" of "+test.organisation+" calls "+test.method, func(t *testing.T) {
			t.Parallel()
			conn := service.Dial(t, consortium.Caller(t, test.organisation, test.role))
			err := calls[test.method](t.Context(), conn)
			if status.Code(err) != test.code || reason(err) != test.reason {
				t.Errorf("got %v, reason %q", err, reason(err))
			}
		})
	}
}

func TestStrangersAreNotLetIn(t *testing.T) {
	t.Parallel()
	consortium := servetest.New(t, servetest.Default()...)
	service := consortium.Serve(t, servetest.RetailerMSP, options(&handlers{}))
	retailer := servetest.RetailerMSP
	tests := []struct {
		name        string
		certificate tls.Certificate
	}{
		{"no certificate", tls.Certificate{}},
		{"an authority of no organisation", servetest.NewAuthority(t, "ca."+retailer).Issue(t, retailer, serve.RoleTill)},
		{"a till of the authority for identities", consortium.IdentityCA(retailer).Issue(t, retailer, serve.RoleTill)},
		{"a service of the authority for tills", consortium.TillsCA(retailer).Issue(t, retailer, serve.RoleService)},
		{"an operator of the authority for tills", consortium.TillsCA(retailer).Issue(t, retailer, serve.RoleOperator)},
		{"no role", consortium.IdentityCA(retailer).Issue(t, retailer, "")},
		{"an unknown role", consortium.IdentityCA(retailer).Issue(t, retailer, "admin")},
		{"an authority for TLS", consortium.Server(t, retailer)},
		{"signed by an ordinary certificate", signedByLeaf(t, consortium)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := calls["health"](t.Context(), service.Dial(t, test.certificate))
			if status.Code(err) != codes.Unavailable {
				t.Errorf("got %v", err)
			}
		})
	}
}

// signedByLeaf is what the holder of an operator's certificate could make alone.
func signedByLeaf(t *testing.T, consortium *servetest.Consortium) tls.Certificate {
	t.Helper()
	operator := consortium.Caller(t, servetest.RetailerMSP, serve.RoleOperator)
	forged := servetest.AuthorityOf(operator).Issue(t, servetest.RetailerMSP, serve.RoleService)
	forged.Certificate = append(forged.Certificate, operator.Certificate[0])
	return forged
}

func TestTheOrganisationIsThatOfTheAuthority(t *testing.T) {
	t.Parallel()
	consortium := servetest.New(t, servetest.Default()...)
	seen := make(chan serve.Caller, 1)
	service := consortium.Serve(t, servetest.RetailerMSP, options(&handlers{verify: func(ctx context.Context) error {
		seen <- serve.CallerFrom(ctx)
		return nil
	}}))
	// The certificate's own words about its organisation count for nothing.
	certificate := consortium.IdentityCA(servetest.RetailerMSP).Issue(t, servetest.IssuerMSP, serve.RoleOperator)
	if err := calls["Verify"](t.Context(), service.Dial(t, certificate)); err != nil {
		t.Fatal(err)
	}
	want := serve.Caller{Organisation: servetest.RetailerMSP, Role: serve.RoleOperator, Name: "operator.IssuerMSP"}
	if got := <-seen; got != want {
		t.Errorf("got %+v", got)
	}
	if got := serve.CallerFrom(t.Context()); got != (serve.Caller{}) {
		t.Errorf("outside a call: %+v", got)
	}
}

func TestServeRefusesAListThatNamesNoMethod(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Redem", "coupon.retailer.v1.RetailerService/Publish", "/Redeem", "grpc.health.v1.Health"} {
		o := options(&handlers{})
		o.Config.Allow = allow(map[string][]string{method: {"*@any"}})
		service := servetest.New(t, servetest.Default()...).Serve(t, servetest.RetailerMSP, o)
		if err := service.Wait(); err == nil || !strings.Contains(err.Error(), method) {
			t.Errorf("%s: got %v", method, err)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	good := serve.Config{Certificate: "tls.pem", Key: "tls.key", Allow: allow(nil)}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	tests := []struct {
		name   string
		change func(*serve.Config)
		want   string
	}{
		{"no certificate", func(c *serve.Config) { c.Certificate = "" }, "serve.certificate"},
		{"no key", func(c *serve.Config) { c.Key = "" }, "serve.key"},
		{"nobody allowed", func(c *serve.Config) { c.Allow = nil }, "serve.allow"},
		{"no such role", func(c *serve.Config) { c.Allow = map[string][]string{"Verify": {"admin@own"}} }, "serve.allow.Verify"},
		{"no such organisation", func(c *serve.Config) { c.Allow = map[string][]string{"Verify": {"till@all"}} }, "serve.allow.Verify"},
		{"no organisation", func(c *serve.Config) { c.Allow = map[string][]string{"Verify": {"till"}} }, "serve.allow.Verify"},
		{"negative limit", func(c *serve.Config) { c.MaxRequestBytes = -1 }, "serve.max_request_bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bad := good
			test.change(&bad)
			if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
