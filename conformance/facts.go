// Prints what the official suite consists of, as JSON. Run from test/bed/kubernetes/build/gatewayapi, whose go.mod pins the suite:
// go run ../../../../../conformance/facts.go
package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/gateway-api/conformance"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/gateway-api/pkg/consts"
	"sigs.k8s.io/gateway-api/pkg/features"
)

type profile struct {
	Name     string   `json:"name"`
	Core     []string `json:"core"`
	Extended []string `json:"extended"`
}

type feature struct {
	Name    string `json:"name"`
	Channel string `json:"channel"`
	Mesh    bool   `json:"mesh"`
}

type test struct {
	Name     string   `json:"name"`
	Features []string `json:"features"`
	Parallel bool     `json:"parallel"`
}

type facts struct {
	Version  string    `json:"version"`
	Profiles []profile `json:"profiles"`
	Features []feature `json:"features"`
	Tests    []test    `json:"tests"`
	Images   []string  `json:"images"`
}

func names(set sets.Set[features.FeatureName]) []string {
	return texts(sets.List(set))
}

func texts(list []features.FeatureName) []string {
	out := []string{}
	for _, name := range list {
		out = append(out, string(name))
	}
	slices.Sort(out)
	return out
}

// The images of every manifest but those of the mesh tests.
func images() []string {
	found := sets.New[string]()
	image := regexp.MustCompile(`(?m)^\s*(?:- )?image:\s*(\S+)`)
	err := fs.WalkDir(conformance.Manifests, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".yaml") || strings.HasPrefix(path, "mesh/") {
			return err
		}
		data, err := fs.ReadFile(conformance.Manifests, path)
		for _, match := range image.FindAllSubmatch(data, -1) {
			found.Insert(string(match[1]))
		}
		return err
	})
	if err != nil {
		panic(err)
	}
	return sets.List(found)
}

func main() {
	out := facts{Version: consts.BundleVersion, Images: images()}
	for _, p := range []suite.ConformanceProfile{
		suite.GatewayHTTPConformanceProfile, suite.GatewayGRPCConformanceProfile, suite.GatewayTLSConformanceProfile,
		suite.GatewayTCPConformanceProfile, suite.GatewayUDPConformanceProfile,
	} {
		out.Profiles = append(out.Profiles, profile{string(p.Name), names(p.CoreFeatures), names(p.ExtendedFeatures.Difference(p.CoreFeatures))})
	}
	mesh := features.SetsToNamesSet(features.MeshCoreFeatures, features.MeshExtendedFeatures)
	for _, f := range features.AllFeatures.UnsortedList() {
		out.Features = append(out.Features, feature{string(f.Name), string(f.Channel), mesh.Has(f.Name)})
	}
	slices.SortFunc(out.Features, func(a, b feature) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range tests.ConformanceTests {
		out.Tests = append(out.Tests, test{t.ShortName, texts(t.Features), t.Parallel})
	}
	slices.SortFunc(out.Tests, func(a, b test) int { return strings.Compare(a.Name, b.Name) })
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		panic(err)
	}
}
