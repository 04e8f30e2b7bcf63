// Package rest is the Connect REST API: Kafka Connect's paths, status codes,
// headers and bodies, word for word, over a [Herder] that does the work.
//
// A handler reads the request, calls one method of the herder and writes its
// answer; errors are mapped to bodies in one place (errors.go). Our own additions
// live under /leat/v1/ and never change a standard body. Where Java answers with
// texts of its JVM or of its JSON parser (null pointers, stream positions), status
// and first words are kept.
//
// Listeners, TLS, CORS and response headers follow the worker keys listeners,
// admin.listeners, rest.advertised.*, access.control.allow.*,
// response.http.headers.config; see [Config]. Of ssl.* the stores in PEM form,
// ssl.client.auth, ssl.enabled.protocols (TLSv1.2, TLSv1.3) and ssl.cipher.suites, those
// of TLSv1.2, count: Go does not let the suites of TLSv1.3 be chosen.
//
// The package knows nothing of Kafka, stores or tasks. Its typed client is
// rest/client.
package rest
