package rest

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
)

// An operation reads its request and returns the answer; errors become error
// bodies. It must not write.
type operation func(r *http.Request) (answer, error)

// route is one resource with its methods.
type route struct {
	path    string
	methods map[string]operation
}

// handlers returns the handlers of the main and of the admin listeners.
func (s *Server) handlers() (main, admin http.Handler) {
	routes := s.routes()
	if s.cfg.Admin && len(s.cfg.AdminListeners) == 0 {
		routes = append(routes, s.adminRoutes()...)
	}
	m := newRouter(routes)
	if s.Metrics != nil {
		m.Method(http.MethodGet, "/metrics", s.Metrics)
	}
	if s.Logs != nil {
		m.Get("/leat/v1/connectors/{connector}/logs", s.logs)
	}
	main = withHeaders(s.cfg.Headers, withCORS(s.cfg.AllowOrigins, s.cfg.AllowMethods, s.guard(m)))
	return main, s.guard(newRouter(s.adminRoutes()))
}

func (s *Server) routes() []route {
	type m = map[string]operation
	return []route{
		{"/", m{"GET": s.root}},
		{"/health", m{"GET": s.health}},
		{"/connectors", m{"GET": s.listConnectors, "POST": s.createConnector}},
		{"/connectors/{connector}", m{"GET": s.getConnector, "DELETE": s.deleteConnector}},
		{"/connectors/{connector}/config", m{"GET": s.getConfig, "PUT": s.putConfig, "PATCH": s.patchConfig}},
		{"/connectors/{connector}/status", m{"GET": s.getStatus}},
		{"/connectors/{connector}/restart", m{"POST": s.restart}},
		{"/connectors/{connector}/pause", m{"PUT": s.pause}},
		{"/connectors/{connector}/resume", m{"PUT": s.resume}},
		{"/connectors/{connector}/stop", m{"PUT": s.stop}},
		{"/connectors/{connector}/tasks", m{"GET": s.getTasks, "POST": internalOnly}},
		{"/connectors/{connector}/fence", m{"PUT": internalOnly}},
		{"/connectors/{connector}/tasks/{task}/status", m{"GET": s.getTaskStatus}},
		{"/connectors/{connector}/tasks/{task}/restart", m{"POST": s.restartTask}},
		{"/connectors/{connector}/topics", m{"GET": s.getTopics}},
		{"/connectors/{connector}/topics/reset", m{"PUT": s.resetTopics}},
		{"/connectors/{connector}/offsets", m{"GET": s.getOffsets, "PATCH": s.alterOffsets, "DELETE": s.resetOffsets}},
		{"/connector-plugins", m{"GET": s.listPlugins}},
		{"/connector-plugins/{plugin}/config", m{"GET": s.pluginConfig}},
		{"/connector-plugins/{plugin}/config/validate", m{"PUT": s.validateConfig}},
		{"/leat/v1/version", m{"GET": s.leatVersion}},
	}
}

func (s *Server) adminRoutes() []route {
	type m = map[string]operation
	return []route{
		{"/admin/loggers", m{"GET": s.listLoggers}},
		{"/admin/loggers/{logger}", m{"GET": s.getLogger, "PUT": s.setLogger}},
	}
}

func newRouter(routes []route) *chi.Mux {
	mux := chi.NewRouter()
	mux.NotFound(func(w http.ResponseWriter, _ *http.Request) { writeError(w, httpError(http.StatusNotFound)) })
	mux.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) { writeError(w, httpError(http.StatusMethodNotAllowed)) })
	for _, rt := range routes {
		var allowed []string
		for method, op := range rt.methods {
			h := handle(op)
			mux.Method(method, rt.path, h)
			allowed = append(allowed, method)
			if method == http.MethodGet {
				mux.Method(http.MethodHead, rt.path, h)
				allowed = append(allowed, http.MethodHead)
			}
		}
		slices.Sort(allowed)
		allowed = append(allowed, http.MethodOptions)
		mux.Options(rt.path, options(allowed))
	}
	return mux
}

// options answers as Jersey does: the methods as header and as text.
func options(allowed []string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", strings.Join(allowed, ","))
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(strings.Join(allowed, ", "))) // the client has gone away
	}
}

// ambiguous finds empty segments and encoded control characters, which Java's web
// server refuses as well.
var ambiguous = regexp.MustCompile(`//|%[01][0-9A-Fa-f]|%7[Ff]`)

// guard bounds requests and makes chi match escaped paths, without a trailing
// slash: a name may hold any character.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		if ambiguous.MatchString(path) {
			writeError(w, httpError(http.StatusBadRequest))
			return
		}
		if len(path) > 1 {
			path = strings.TrimSuffix(path, "/")
		}
		rctx := chi.NewRouteContext()
		rctx.RoutePath = path
		ctx := context.WithValue(r.Context(), chi.RouteCtxKey, rctx)
		if !strings.HasPrefix(path, "/leat/") {
			limited, cancel := context.WithTimeout(ctx, RequestTimeout)
			defer cancel()
			ctx = limited
		}
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		next.ServeHTTP(w, r)
	})
}

// checkParams makes sure that the parameters of the path can be decoded.
func checkParams(r *http.Request) error {
	for _, v := range chi.RouteContext(r.Context()).URLParams.Values {
		if _, err := url.PathUnescape(v); err != nil {
			return httpError(http.StatusNotFound)
		}
	}
	return nil
}

// param returns a decoded path parameter. Bytes that are no UTF-8 become U+FFFD, as in
// Java: a name with such bytes would be another one wherever it is written as JSON.
func param(r *http.Request, name string) string {
	v, err := url.PathUnescape(chi.URLParam(r, name))
	if err != nil {
		panic(err) // checkParams has seen it
	}
	return strings.ToValidUTF8(v, "\ufffd")
}

// handle negotiates, runs the operation and writes its answer.
func handle(op operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := negotiate(r); err != nil {
			writeError(w, err)
			return
		}
		if err := checkParams(r); err != nil {
			writeError(w, err)
			return
		}
		a, err := op(r)
		if err != nil {
			writeError(w, err)
			return
		}
		a.write(w)
	})
}
