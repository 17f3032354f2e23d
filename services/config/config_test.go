// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package config_test reads the configuration files as the services do, and
// tries out whom they let in.
package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/clearing"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/issuer"
	"ecoupon/services/retailer"
)

// service is one of the four with the API that it registers.
type service struct {
	role     string
	mspID    string
	api      grpc.ServiceDesc
	register func(grpc.ServiceRegistrar)
	load     func(path string) (serve.Config, error)
}

func services() []service {
	return []service{
		{
			config.RoleIssuer, servetest.IssuerMSP, issuerv1.IssuerService_ServiceDesc,
			func(to grpc.ServiceRegistrar) {
				issuerv1.RegisterIssuerServiceServer(to, issuerv1.UnimplementedIssuerServiceServer{})
			},
			func(path string) (serve.Config, error) {
				var cfg issuer.Config
				err := config.Load(path, &cfg)
				return cfg.Serve, err
			},
		},
		{
			config.RoleAdvertiser, servetest.AdvertiserMSP, advertiserv1.AdvertiserService_ServiceDesc,
			func(to grpc.ServiceRegistrar) {
				advertiserv1.RegisterAdvertiserServiceServer(to, advertiserv1.UnimplementedAdvertiserServiceServer{})
			},
			func(path string) (serve.Config, error) {
				var cfg advertiser.Config
				err := config.Load(path, &cfg)
				return cfg.Serve, err
			},
		},
		{
			config.RoleRetailer, servetest.RetailerMSP, retailerv1.RetailerService_ServiceDesc,
			func(to grpc.ServiceRegistrar) {
				retailerv1.RegisterRetailerServiceServer(to, retailerv1.UnimplementedRetailerServiceServer{})
			},
			func(path string) (serve.Config, error) {
				var cfg retailer.Config
				err := config.Load(path, &cfg)
				return cfg.Serve, err
			},
		},
		{
			config.RoleClearing, servetest.ClearingMSP, clearingv1.ClearingService_ServiceDesc,
			func(to grpc.ServiceRegistrar) {
				clearingv1.RegisterClearingServiceServer(to, clearingv1.UnimplementedClearingServiceServer{})
			},
			func(path string) (serve.Config, error) {
				var cfg clearing.Config
				err := config.Load(path, &cfg)
				return cfg.Serve, err
			},
		},
	}
}

// wanted has, for each method, who may call it: roles of the own organisation,
// and of any other where one may.
var wanted = map[string]struct{ own, others string }{
	"PublishCampaign":  {"operator service", ""},
	"PauseCampaign":    {"operator service", ""},
	"ResumeCampaign":   {"operator service", ""},
	"CloseCampaign":    {"operator service", ""},
	"GetCampaign":      {"auditor operator service till", "auditor operator service"},
	"ListCampaigns":    {"auditor operator service till", "auditor operator service"},
	"AuthoriseEmitter": {"operator service", ""},
	"RaiseQuota":       {"operator service", ""},
	"SuspendEmitter":   {"operator service", ""},
	"ReinstateEmitter": {"operator service", ""},
	"RevokeEmitter":    {"operator service", ""},
	"RotateKey":        {"operator service", ""},
	"AdmitRetailer":    {"operator service", ""},
	"ListEmitters":     {"auditor operator service", ""},
	"GetStatistics":    {"auditor operator service", ""},

	"ListAudits":            {"auditor operator service", ""},
	"issuer.ListMisconduct": {"auditor operator service", ""},
	"ResolveMisconduct":     {"operator", ""},
	"ProbeEmitter":          {"operator", ""},

	"advertiser.ListMisconduct": {"auditor operator service", ""},
	"AnswerMisconduct":          {"operator", ""},

	"ListOffers":  {"auditor operator service", ""},
	"IssueCoupon": {"operator service", ""},
	"GetReceipt":  {"auditor operator service", ""},
	"CloseFrames": {"operator", ""},

	"TransferCoupon": {"operator service", ""},
	"GetOwner":       {"auditor operator service", ""},

	"GetLog":      {"auditor operator service", "service"},
	"GetOpenings": {"service", "service"},

	"advertiser.IssueProof": {"service", ""},
	"retailer.IssueProof":   {"operator till", ""},

	"Verify":              {"operator service till", ""},
	"Redeem":              {"operator till", ""},
	"Void":                {"operator till", ""},
	"GetRedemption":       {"auditor operator till", ""},
	"Claim":               {"operator service", ""},
	"retailer.ListClaims": {"auditor operator", ""},

	"clearing.ListClaims": {"auditor operator", ""},
	"Reconcile":           {"auditor operator", ""},
	"Settle":              {"operator", ""},
	"GetSettlement":       {"auditor operator", ""},
	"ListRemittances":     {"auditor operator", ""},
	"RegisterInstitute":   {"operator", ""},
	"GetInstitute":        {"auditor operator", ""},
}

func TestWhomTheFilesLetIn(t *testing.T) {
	t.Parallel()
	consortium := servetest.New(t, servetest.Default()...)
	roles := []string{serve.RoleAuditor, serve.RoleOperator, serve.RoleService, serve.RoleTill}
	for _, s := range services() {
		t.Run(s.role, func(t *testing.T) {
			t.Parallel()
			cfg, err := s.load(s.role + ".json")
			if err != nil {
				t.Fatal(err)
			}
			running := consortium.Serve(t, s.mspID, serve.Options{Config: cfg, Register: s.register})
			got := make(map[string]map[string][]string) // method, organisation, roles
			for _, organisation := range consortium.Directory.Organisations {
				for _, role := range roles {
					conn := running.Dial(t, consortium.Caller(t, organisation.MSPID, role))
					for _, method := range s.api.Methods {
						if !mayCall(t, conn, s.api.ServiceName, method.MethodName) {
							continue
						}
						if got[method.MethodName] == nil {
							got[method.MethodName] = make(map[string][]string)
						}
						got[method.MethodName][organisation.MSPID] = append(got[method.MethodName][organisation.MSPID], role)
					}
				}
			}
			if diff := cmp.Diff(expected(t, s, consortium.Directory), got); diff != "" {
				t.Errorf("callers differ (-want +got):\n%s", diff)
			}
		})
	}
}

// mayCall tells from the answer whether the call reached its handler, which is
// none.
func mayCall(t *testing.T, conn *grpc.ClientConn, service, method string) bool {
	t.Helper()
	err := conn.Invoke(t.Context(), "/"+service+"/"+method, &emptypb.Empty{}, &emptypb.Empty{})
	switch status.Code(err) {
	case codes.Unimplemented:
		return true
	case codes.PermissionDenied:
		return false
	default:
		t.Fatalf("%s: %v", method, err)
		return false
	}
}

func expected(t *testing.T, s service, directory *config.Directory) map[string]map[string][]string {
	t.Helper()
	all := make(map[string]map[string][]string)
	for _, method := range s.api.Methods {
		want, found := wanted[method.MethodName]
		if !found {
			want, found = wanted[s.role+"."+method.MethodName]
		}
		if !found {
			t.Fatalf("nobody says who may call %s", method.MethodName)
		}
		all[method.MethodName] = map[string][]string{s.mspID: strings.Fields(want.own)}
		for _, organisation := range directory.Organisations {
			if organisation.MSPID != s.mspID && want.others != "" {
				all[method.MethodName][organisation.MSPID] = strings.Fields(want.others)
			}
		}
	}
	return all
}

func TestHealthAndReflectionAreServed(t *testing.T) {
	t.Parallel()
	for _, s := range services() {
		cfg, err := s.load(s.role + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(cfg.Allow["grpc.health.v1.Health/Check"], []string{"*@any"}) {
			t.Errorf("%s: not everybody can ask for its health", s.role)
		}
		if !slices.Contains(cfg.Allow["grpc.reflection.v1.ServerReflection/ServerReflectionInfo"], "*@own") {
			t.Errorf("%s: its own people cannot list it", s.role)
		}
	}
}
