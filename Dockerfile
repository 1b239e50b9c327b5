# The operator and what it puts into Pods: docker build --target operator .   The other targets are agent and scripts.
# For several architectures: docker buildx build --platform linux/amd64,linux/arm64 --target agent .
# The bases are arguments, so that `node dev/images.ts` can build the same file without a network. There it has bundled
# the operator and compiled the agent into dist/ already, and BUNDLE=prebuilt and AGENT=prebuilt-agent take that.
ARG BUNDLE=bundle
ARG AGENT=compile
ARG ORAS_IMAGE=ghcr.io/oras-project/oras:v1.3.6
ARG GO_IMAGE=docker.io/library/golang:1.26-bookworm
# The variant whose programs are static.
ARG BUSYBOX_IMAGE=docker.io/library/busybox:1.37-musl
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
ARG OPERATOR_BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${ORAS_IMAGE} AS oras
FROM ${NODE_IMAGE} AS node

FROM ${NODE_IMAGE} AS bundle
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
COPY dev/package.json dev/
RUN npm ci --no-fund --no-audit
COPY tsup.config.ts tsconfig.json ./
COPY src src
COPY schema schema
COPY generated generated
# Without the page of the command ui: here runs the manager.
RUN node_modules/.bin/tsup

FROM scratch AS prebuilt
COPY dist/*.js /source/dist/

FROM ${BUNDLE} AS bundled

FROM --platform=${BUILDPLATFORM} ${GO_IMAGE} AS compile
WORKDIR /source
COPY agent/go.mod agent/go.sum ./
RUN go mod download
COPY agent ./
ARG TARGETARCH
# dev/images/agent.ts compiles with the same options.
RUN CGO_ENABLED=0 GOARCH=${TARGETARCH} go build -trimpath -buildvcs=false -ldflags="-s -w" -o /agent .

FROM scratch AS prebuilt-agent
COPY dist/agent /agent

FROM ${AGENT} AS compiled

FROM scratch AS agent
COPY --from=compiled /agent /agent
COPY --from=oras /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
USER 65532:65532
ENTRYPOINT ["/agent"]

# For scripts of authors, which the annotation oras-entrypoint names.
FROM ${BUSYBOX_IMAGE} AS scripts
COPY --from=agent / /
COPY --from=oras /bin/oras /bin/oras
ENV PATH=/usr/bin:/bin
USER 65532:65532

FROM ${OPERATOR_BASE} AS operator
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY package.json /oras-operator/
COPY --from=bundled /source/dist/*.js /oras-operator/
ENV NODE_ENV=production
USER 65532:65532
# Reviews leave garbage that is young: what V8 reserves for it, three times this many MiB, is most of what it would grow to.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=4", "/oras-operator/oras-operator.js"]
CMD ["manager"]
