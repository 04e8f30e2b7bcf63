# docker build -t leat .
# docker run -p 9092:9092 -p 8083:8083 -v leat-data:/data leat
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/leat ./cmd/leat \
 && mkdir -p /out/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/leat /usr/local/bin/leat
COPY --from=build --chown=65532:65532 --chmod=0700 /out/data /data
VOLUME /data
EXPOSE 8083 9092
# Inside a container 127.0.0.1 would be reachable by nobody else. Clients are told to come back to
# localhost:9092, where a published port answers; set broker.advertised.listeners for other machines.
ENTRYPOINT ["/usr/local/bin/leat"]
CMD ["run", "--data", "/data", "--kafka", "0.0.0.0:9092", "--rest", "0.0.0.0:8083", "--set", "broker.advertised.listeners=PLAINTEXT://localhost:9092"]
