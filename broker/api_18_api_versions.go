package broker

import (
	"context"
	"maps"
	"regexp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ApiVersions (18), versions 0-4.
//
// Lists exactly what the request table serves, and the features (KIP-584). A
// version we do not speak is answered in the form of v0 with
// UNSUPPORTED_VERSION and our range, so that the client can try again lower.
// v4 lifts the rule that features with a minimum of 0 are left out.

// metadataVersion is the feature that says what the metadata log may hold.
const metadataVersion = "metadata.version"

// feature is a feature with the levels we can run at.
type feature struct{ min, max int16 }

var supportedFeatures = map[string]feature{
	"group.version":       {0, 1},
	metadataVersion:       {7, 29},
	"transaction.version": {0, 2},
}

// finalFeatures are the levels a new cluster runs at.
var finalFeatures = map[string]int16{metadataVersion: 29, "transaction.version": 2, "group.version": 1}

// softwareName is what KIP-511 allows as name and version of a client.
var softwareName = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$`)

func (b *Broker) apiVersions(_ context.Context, r *request, req *kmsg.ApiVersionsRequest) kmsg.Response {
	resp := kmsg.NewPtrApiVersionsResponse()
	for _, a := range b.apis {
		if a == nil || r.conn.listener.conf.Controller && !a.controller() {
			continue
		}
		if !r.tooNew || a.key == apiVersionsKey {
			k := kmsg.NewApiVersionsResponseApiKey()
			k.ApiKey, k.MinVersion, k.MaxVersion = a.key, a.advertisedMin(), a.max
			resp.ApiKeys = append(resp.ApiKeys, k)
		}
	}
	if r.tooNew {
		resp.ErrorCode = kerr.UnsupportedVersion.Code
		return resp
	}
	if req.Version >= 3 && (!softwareName.MatchString(req.ClientSoftwareName) || !softwareName.MatchString(req.ClientSoftwareVersion)) {
		resp.ErrorCode, resp.ApiKeys = kerr.InvalidRequest.Code, nil
		return resp
	}
	b.addFeatures(resp, req.Version)
	return resp
}

func (b *Broker) addFeatures(resp *kmsg.ApiVersionsResponse, version int16) {
	for _, name := range slices.Sorted(maps.Keys(supportedFeatures)) {
		f := supportedFeatures[name]
		if f.min == 0 && version < 4 {
			continue
		}
		sf := kmsg.NewApiVersionsResponseSupportedFeature()
		sf.Name, sf.MinVersion, sf.MaxVersion = name, f.min, f.max
		resp.SupportedFeatures = append(resp.SupportedFeatures, sf)
	}
	img := b.ctl.Image()
	resp.FinalizedFeaturesEpoch = img.Offset()
	for _, name := range slices.Sorted(maps.Keys(img.Features())) {
		ff := kmsg.NewApiVersionsResponseFinalizedFeature()
		ff.Name, ff.MaxVersionLevel, ff.MinVersionLevel = name, img.Features()[name], img.Features()[name]
		resp.FinalizedFeatures = append(resp.FinalizedFeatures, ff)
	}
}
