import { printSchema } from 'graphql';
import { buildSchema } from './schema/schema.ts';

process.stdout.write(`${printSchema(buildSchema())}\n`);
