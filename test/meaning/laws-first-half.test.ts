import { testHalfOfTheLaws } from './laws-half.js';

testHalfOfTheLaws('first');
