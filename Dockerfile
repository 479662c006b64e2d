# One image for api, worker, emulator and the courier command; docker-compose.yml says which.
# Needs BuildKit, which is the builder of Docker since 23.

FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM node:20-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force

FROM node:20-bookworm-slim
# The trust store of the native TLS of aws-crt; Node brings its own.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  # Volumes that are mounted here for the first time take this owner over.
  && mkdir -p /data/emulator /data/ca \
  && chown node:node /data/emulator /data/ca \
  && ln -s /app/dist/cli/main.js /usr/local/bin/courier
WORKDIR /app
ENV NODE_ENV=production
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build --chmod=755 /app/dist ./dist
COPY package.json LICENSE ./
COPY infra ./infra
USER node
CMD ["node", "dist/api/main.js"]
