# The operator and the tools that it puts into Pods: docker build --target operator .   docker build --target tools .
# The bases are arguments, so that `node dev/images.ts` can build the same file without a network. There it has bundled
# the operator into dist/ already, and BUNDLE=prebuilt takes that.
ARG BUNDLE=bundle
ARG ORAS_IMAGE=ghcr.io/oras-project/oras:v1.3.6
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
ARG OPERATOR_BASE=gcr.io/distroless/cc-debian12:nonroot
ARG WORKSHOP=docker.io/library/debian:bookworm-slim

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
RUN npm run build

FROM scratch AS prebuilt
COPY dist/*.js /source/dist/

FROM ${BUNDLE} AS bundled

FROM ${WORKSHOP} AS workshop
RUN command -v igzip >/dev/null || { apt-get update && apt-get install --yes --no-install-recommends \
    busybox-static ca-certificates findutils gcc isal jq libc6-dev libisal-dev libzstd-dev mbuffer nettle-dev tar tini wget zstd; }
COPY --from=oras /bin/oras /source/oras
COPY dev/images/assemble-tools.sh /source/dev/images/
COPY src/sidecar/*.sh src/sidecar/layer.c /source/src/sidecar/
COPY generated/*.sh /source/generated/
RUN sh /source/dev/images/assemble-tools.sh /source /source/oras /tools

FROM scratch AS tools
COPY --from=workshop /tools/ /
ENV PATH=/usr/bin:/oras/bin
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
